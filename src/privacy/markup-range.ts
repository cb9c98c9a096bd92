import { type Entity, mergeEntities } from "./entity.ts";
import { createMarkupScanner, followOf } from "./markup.ts";

/**
 * Widens each entity that stands inside a link, a tag or a URL over the whole of it. A value inside one would never be
 * written back (see `markup.ts`), so the whole is masked and the whole is written back.
 */
export function markedUp(text: string, entities: readonly Entity[]): Entity[] {
  if (entities.length === 0) return [];
  const scanner = createMarkupScanner();
  const widened: Entity[] = [];
  let reached = 0;
  let run = { start: 0, end: 0 };
  for (const entity of entities) {
    if (entity.end <= reached) continue;
    if (entity.start > reached) {
      scanner.feed(text.slice(reached, entity.start));
      reached = entity.start;
    }
    if (scanner.isProtected()) {
      const from = scanner.protectedFrom();
      const end = endOfProtected();
      widened.push({
        start: Math.min(from, entity.start),
        end: Math.max(end, entity.end),
        type: wider(entity, text.slice(from, end)),
      });
    } else if (runsIntoUrl(entity)) {
      if (entity.end > run.end) run = { start: runStart(text, entity.start), end: runEnd(text, entity.end) };
      widened.push({ ...run, type: "URL" });
    } else {
      widened.push(entity);
    }

    function endOfProtected(): number {
      while (reached < text.length) {
        const char = text.charAt(reached);
        scanner.feed(char);
        reached += 1;
        if (reached >= entity.end && !scanner.isProtected())
          return /[>)]/.test(char) ? reached : Math.max(entity.end, reached - 1);
      }
      return text.length;
    }
  }
  return mergeEntities(widened);

  function runsIntoUrl(entity: Entity): boolean {
    const isUrl = entity.type === "URL" || text.slice(entity.start, entity.end).includes("://");
    return followOf(text.slice(entity.end, entity.end + 300), isUrl, true) === "url";
  }
}

function wider(entity: Entity, whole: string): Entity["type"] {
  return /[<\n[]/.test(whole) ? "MARKUP" : entity.type === "SECRET" ? "SECRET" : "URL";
}

function runStart(text: string, from: number): number {
  let start = from;
  while (start > 0 && !/\s/.test(text.charAt(start - 1))) start -= 1;
  return start;
}

function runEnd(text: string, from: number): number {
  let end = from;
  while (end < text.length && !/\s/.test(text.charAt(end))) end += 1;
  return end;
}

import { type Key, useInput } from "ink";

const named = [
  "up",
  "down",
  "left",
  "right",
  "pageup",
  "pagedown",
  "home",
  "end",
  "enter",
  "escape",
  "backspace",
] as const;

/** A key pressed once: one by its name, or a character. */
export type Press =
  | { readonly name: (typeof named)[number] | "tab" | "shift-tab" }
  | { readonly name: "text"; readonly text: string };

/**
 * Hands over every key pressed, one by one: what is typed fast arrives together. Several may come between two frames,
 * so what they do must build on the state before it, not on the frame.
 */
export function useKeys(onPress: (press: Press) => void): void {
  useInput((input, key) => {
    const name = nameOf(key);
    if (name !== null) onPress({ name });
    else if (!key.ctrl && !key.meta) for (const text of input) onPress(controls[text] ?? { name: "text", text });
  });
}

const controls: Readonly<Record<string, Press>> = {
  "\t": { name: "tab" },
  "\r": { name: "enter" },
  "\n": { name: "enter" },
  "\u0008": { name: "backspace" },
  "\u007F": { name: "backspace" },
};

function nameOf(key: Key): Exclude<Press["name"], "text"> | null {
  const pressed = {
    up: key.upArrow,
    down: key.downArrow,
    left: key.leftArrow,
    right: key.rightArrow,
    pageup: key.pageUp,
    pagedown: key.pageDown,
    home: key.home,
    end: key.end,
    enter: key.return,
    escape: key.escape,
    backspace: key.backspace || key.delete,
  };
  if (key.tab) return key.shift ? "shift-tab" : "tab";
  return named.find((name) => pressed[name]) ?? null;
}

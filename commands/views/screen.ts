import { stripVTControlCharacters } from "node:util";
import { render } from "ink";
import type { ReactNode } from "react";

// Source: xterm's control sequences; 2026 is synchronised output. What a terminal doesn't know it ignores.
const enter = "\u001B[?1049h\u001B[?25l\u001B[?7l\u001B[2J";
// Emptied first: where it was resized, tmux carries lines of the second screen over to the first.
const leave = "\u001B[H\u001B[2J\u001B[?7h\u001B[?25h\u001B[?1049l";
const beginFrame = "\u001B[?2026h";
const endFrame = "\u001B[?2026l";

/**
 * Shows a view on a screen of its own until it exits or `signal` aborts, and gives the terminal back as it was. Rejects
 * with the error that the view exits with. Standard input and output are a terminal.
 */
export async function showScreen(view: ReactNode, signal: AbortSignal): Promise<void> {
  const painter = new Painter(process.stdout);
  const screen = render(view, { stdout: painter.stdout, debug: true, patchConsole: false });
  const onAbort = () => screen.unmount();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    await screen.waitUntilExit();
  } finally {
    signal.removeEventListener("abort", onAbort);
    painter.close();
  }
}

/**
 * Paints Ink's frames on the terminal's second screen: only lines that changed are written, a resized terminal is
 * painted anew. Ink's own painter repaints all and loses count of its lines when a terminal is resized; as `debug` it
 * hands over whole frames instead. No frame wraps or scrolls: what doesn't fit is cut, above the last line, the keys.
 */
class Painter {
  readonly stdout: NodeJS.WriteStream;
  readonly #terminal: NodeJS.WriteStream;
  readonly #hasColour = (process.env.NO_COLOR ?? "") === "";
  readonly #onResize = () => this.#repaint();
  readonly #onExit = () => this.close();
  #lines: readonly string[] = [];
  #frame = "";
  #isClosed = false;

  constructor(terminal: NodeJS.WriteStream) {
    this.#terminal = terminal;
    this.stdout = new Proxy(terminal, {
      get: (target, name) => {
        if (name === "write") return this.#write;
        // So that nobody writes anything but frames.
        if (name === "isTTY") return false;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    terminal.write(enter);
    terminal.prependListener("resize", this.#onResize);
    process.once("exit", this.#onExit);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#terminal.off("resize", this.#onResize);
    process.off("exit", this.#onExit);
    this.#terminal.write(leave);
  }

  readonly #write = (frame: string, done?: () => void): boolean => {
    if (!this.#isClosed && frame.trim() !== "") this.#paint(frame);
    done?.();
    return true;
  };

  #repaint(): void {
    this.#lines = [];
    this.#terminal.write("\u001B[2J");
    this.#paint(this.#frame);
  }

  #paint(frame: string): void {
    this.#frame = frame;
    const before = this.#lines;
    const shown = this.#hasColour ? frame : stripVTControlCharacters(frame);
    const lines = fitted(shown.split("\n"), this.#terminal.rows);
    // A line is erased before it is written: erasing behind a full one would take its last character.
    const changes = Array.from({ length: Math.max(lines.length, before.length) }, (_, index) => {
      const line = lines[index] ?? "";
      return line === (before[index] ?? "") ? "" : `\u001B[${index + 1};1H\u001B[2K${line}`;
    }).join("");
    this.#lines = lines;
    if (changes !== "") this.#terminal.write(`${beginFrame}${changes}${endFrame}`);
  }
}

function fitted(lines: readonly string[], rows: number): readonly string[] {
  return lines.length <= rows ? lines : [...lines.slice(0, Math.max(0, rows - 1)), ...lines.slice(-1)];
}

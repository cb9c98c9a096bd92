import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPeerError } from "../../../src/errors.ts";
import { formatReference, isModelName, parseReference } from "../../../src/models/reference.ts";

describe("a model reference", () => {
  it.each([
    ["acme/tiny", { kind: "published", name: "acme/tiny", version: undefined }],
    ["acme/tiny:1.2.0", { kind: "published", name: "acme/tiny", version: "1.2.0" }],
    ["acme/tiny:1.2", { kind: "published", name: "acme/tiny", version: "1.2" }],
    ["acme/tiny:1", { kind: "published", name: "acme/tiny", version: "1" }],
    ["a-b.c/d_e:1.0.0-rc.1+build.5", { kind: "published", name: "a-b.c/d_e", version: "1.0.0-rc.1+build.5" }],
    ["hf:Qwen/Qwen2.5-0.5B-GGUF/q8_0.gguf", { kind: "hub", repository: "Qwen/Qwen2.5-0.5B-GGUF", file: "q8_0.gguf" }],
    ["hf:a/b/sub/dir/file.gguf", { kind: "hub", repository: "a/b", file: "sub/dir/file.gguf" }],
    ["https://example.org/m.gguf", { kind: "url", url: "https://example.org/m.gguf" }],
  ])("%s is read and written back", (text, expected) => {
    const reference = parseReference(text);
    expect(reference).toEqual(expected);
    expect(formatReference(reference)).toBe(text);
  });

  it.each([
    "",
    "tiny",
    "acme/",
    "/tiny",
    "acme/tiny/more",
    "Acme/tiny",
    "acme/../tiny",
    "acme/..",
    "acme/tiny:",
    "acme/tiny:latest",
    "acme/tiny:1.2.3.4",
    "acme/tiny:01.2.3",
    "acme/tiny:1.2.0 ",
    "hf:owner/repo",
    "hf:owner/repo/",
    "hf:owner/repo/../x.gguf",
    "hf:owner/repo/%2e%2e/x.gguf",
    "http://example.org/m.gguf",
    "file:///etc/passwd",
    "https://",
    "https://user:secret@example.org/m.gguf",
    `acme/${"x".repeat(3000)}`,
  ])("%j is refused as malformed", (text) => {
    expect(() => parseReference(text)).toThrowError(
      expect.toSatisfy((error: unknown) => isPeerError(error, "reference_malformed")),
    );
  });

  it("does not repeat a password in its message", () => {
    expect(() => parseReference("https://user:hunter2@example.org/m.gguf")).not.toThrowError(/hunter2/);
  });

  it("is read or refused, whatever the text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          expect(parseReference(formatReference(parseReference(text)))).toEqual(parseReference(text));
        } catch (error) {
          expect(isPeerError(error, "reference_malformed")).toBe(true);
        }
      }),
    );
  });

  it("names have an owner and a name", () => {
    expect(isModelName("acme/tiny")).toBe(true);
    expect(isModelName("acme")).toBe(false);
  });
});

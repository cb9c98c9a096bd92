import parseExpression from "spdx-expression-parse";
import { PeerError } from "../errors.ts";

/** Checks an SPDX licence expression ("MIT", "Apache-2.0 OR MIT", "LicenseRef-acme"). Throws `manifest_invalid`. */
export function parseLicense(text: string): string {
  try {
    if (text.length > 200) throw new RangeError("too long");
    parseExpression(text);
    return text;
  } catch (cause) {
    throw new PeerError("manifest_invalid", `"${text.slice(0, 64)}" is not an SPDX licence expression.`, {
      cause,
      hint: 'Write one like "MIT" or "Apache-2.0" (https://spdx.org/licenses), or "LicenseRef-name" for your own.',
    });
  }
}

import { expect, it } from "vitest";
import { networkUnreachable } from "../../../src/client/unreachable.ts";

it.each([
  ["ECONNREFUSED", /peerllm network up/],
  ["ENOTFOUND", /--network/],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", /NODE_EXTRA_CA_CERTS/],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", /NODE_EXTRA_CA_CERTS/],
  ["ERR_TLS_CERT_ALTNAME_INVALID", /another name/],
  ["CERT_HAS_EXPIRED", /expired/],
])("a network that fails with %s is named, with what to do about that", (code, hint) => {
  const error = networkUnreachable("https://peer.example", Object.assign(new Error("no"), { code }));
  expect(error).toMatchObject({ code: "network_unreachable", hint: expect.stringMatching(hint) });
  expect(error.message).toBe(`The network at https://peer.example can't be reached (${code}).`);
});

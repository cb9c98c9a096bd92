import { expect, it } from "vitest";
import { sealClaim, verifyClaim } from "../../../src/models/claim.ts";
import { generateSigningKey } from "../../../src/models/signing-key.ts";
import { testModel } from "../../worlds/published-model.ts";

const claimant = { networkId: "network_a", accountId: "account_a" };

it("a claim holds for the manifest, network and account that the producer named, and no others", async () => {
  const { signed, key } = await testModel();
  const { manifest } = signed;
  const claim = sealClaim(manifest, claimant, key);
  expect(() => verifyClaim(manifest, claimant, claim)).not.toThrow();

  const refused = expect.objectContaining({ code: "signature_invalid" });
  for (const other of [{ networkId: "network_b" }, { accountId: "account_b" }]) {
    expect(() => verifyClaim(manifest, { ...claimant, ...other }, claim)).toThrow(refused);
  }
  expect(() => verifyClaim({ ...manifest, version: "1.0.1" }, claimant, claim)).toThrow(refused);
  expect(() => verifyClaim(manifest, claimant, sealClaim(manifest, claimant, generateSigningKey("P-256")))).toThrow(
    refused,
  );
  expect(() => verifyClaim(manifest, claimant, "")).toThrow(refused);
});

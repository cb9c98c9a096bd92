import { PeerError } from "../errors.ts";
import { type ModelManifest, modelId } from "./manifest.ts";

/** Whether its weights have to be bought. */
export function isSold({ prices }: Pick<ModelManifest, "prices">): boolean {
  return prices.once > 0n || prices.monthly > 0n;
}

/** `payment_required`, naming the commands that buy it. */
export function mustBeBought(manifest: ModelManifest): PeerError {
  const id = modelId(manifest);
  const commands = [
    ...(manifest.prices.once > 0n ? [`"peerllm models buy ${id}"`] : []),
    ...(manifest.prices.monthly > 0n ? [`"peerllm models subscribe ${id}"`] : []),
  ];
  return new PeerError("payment_required", `${id} is sold by its producer, and this account has not bought it.`, {
    hint: `Run ${commands.join(" or ")}.`,
  });
}

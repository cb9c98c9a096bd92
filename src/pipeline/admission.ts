import type { AnswerRequest } from "../chat/answer.ts";
import { PeerError } from "../errors.ts";
import { type HoldId, newId, type RequestId } from "../ids.ts";
import { type PriceSheet, priceAtMost, splitTokensMax } from "../ledger/pricing.ts";
import type { Caller, Ports, ServedModel } from "./ports.ts";
import { PromptMeter } from "./prompt-meter.ts";

/** A request let in: what it runs on, what it may cost, and the money set aside for that. */
export interface Admission {
  readonly requestId: RequestId;
  readonly model: ServedModel;
  readonly sheet: PriceSheet;
  readonly holdId: HoldId;
  readonly meter: PromptMeter;
  /** Most tokens of one answer, by prompt: what was asked for, or what the context leaves. */
  readonly answerTokensMax: readonly number[];
}

/** Room for placeholders that are longer than what they stand for. */
const maskingTokensMax = 64;
/** Of a context, what is kept for the answer to a prompt so long that it is read in parts. */
const answerShareOfContext = 0.25;

/**
 * Finds the model and sets aside the most that the request can cost. The hold is the check, and it comes before any
 * work. Throws `model_missing`, `context_length_exceeded`, `insufficient_quota`, `payment_required`.
 */
export async function admit(request: AnswerRequest, caller: Caller, ports: Ports): Promise<Admission> {
  const model = await ports.catalogue.resolve(request.model, caller);
  const requestId = newId("request");
  const sheet = await ports.priceSheet();
  const meter = new PromptMeter(model.file, ports.tokenizers);
  const answerTokensMax: number[] = [];
  let tokens = 0;
  for (const prompt of request.prompts) {
    const promptTokens = (await meter.measure(prompt)).tokens.length;
    if (request.plan === "single") requireRoom(model, promptTokens);
    const left = Math.max(model.contextLength - promptTokens, Math.floor(model.contextLength * answerShareOfContext));
    const answerTokens = Math.min(request.sampling.maxTokens ?? left, left);
    answerTokensMax.push(answerTokens);
    tokens += request.choices * (promptTokens + maskingTokensMax + answerTokens);
  }
  const holdId = await ports.books.hold({
    accountId: caller.accountId,
    apiKeyId: caller.apiKeyId,
    budget: caller.budget,
    amount: priceAtMost(sheet, splitTokensMax(tokens), model.royaltyPer100kTokens),
    idempotencyKey: `hold:${requestId}`,
  });
  return { requestId, model, sheet, holdId, meter, answerTokensMax };
}

/** Throws `context_length_exceeded` where a prompt leaves no room for an answer. */
export function requireRoom(model: ServedModel, promptTokens: number): void {
  if (promptTokens < model.contextLength) return;
  throw new PeerError(
    "context_length_exceeded",
    `The prompt is ${promptTokens} tokens long; the context of ${model.reference} is ${model.contextLength}. Shorten the prompt.`,
    { parameter: "messages" },
  );
}

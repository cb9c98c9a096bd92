import type { AnswerRequest } from "../chat/answer.ts";
import { messagesOf, type Prompt, promptField } from "../chat/message.ts";
import { PeerError } from "../errors.ts";
import { type HoldId, newId, type RequestId } from "../ids.ts";
import { type PriceSheet, priceAtMost, splitTokensMax } from "../ledger/pricing.ts";
import { planPrompt } from "./3-plan.ts";
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
/** No text has fewer tokens than one for so many characters: what it costs at the least is known before it is read. */
const charactersPerTokenMax = 16;
/** Contexts that a prompt may fill, however it is divided. */
const contextsMax = 32;

/**
 * Finds the model and sets aside the most that the request can cost. The hold is the check, and it comes before any
 * work. Throws `model_missing`, `request_invalid`, `context_length_exceeded`, `insufficient_quota`, `payment_required`.
 */
export async function admit(request: AnswerRequest, caller: Caller, ports: Ports): Promise<Admission> {
  const model = await ports.catalogue.resolve(request.model, caller);
  const requestId = newId("request");
  const sheet = await ports.priceSheet();
  const payer = { accountId: caller.accountId, apiKeyId: caller.apiKeyId, budget: caller.budget };
  const costAtMost = (tokens: number) => priceAtMost(sheet, splitTokensMax(tokens), model.royaltyPer100kTokens);
  const leastTokens = request.prompts.reduce((sum, prompt) => sum + leastTokensOf(prompt, model), 0);
  await ports.books.check({ ...payer, amount: costAtMost(leastTokens) });
  const meter = new PromptMeter(model.file, ports.tokenizers);
  const answerTokensMax: number[] = [];
  let tokens = 0;
  for (const prompt of request.prompts) {
    const promptTokens = (await meter.measure(prompt)).tokens.length;
    requireFit(prompt, promptTokens, request, model);
    const left = Math.max(model.contextLength - promptTokens, Math.floor(model.contextLength * answerShareOfContext));
    const answerTokens = Math.min(request.sampling.maxTokens ?? left, left);
    answerTokensMax.push(answerTokens);
    tokens += request.choices * (promptTokens + maskingTokensMax + answerTokens);
  }
  const holdId = await ports.books.hold({
    ...payer,
    amount: costAtMost(tokens),
    idempotencyKey: `hold:${requestId}`,
  });
  return { requestId, model, sheet, holdId, meter, answerTokensMax };
}

/** Throws `context_length_exceeded` where a prompt leaves no room for an answer. */
export function requireRoom(prompt: Prompt, promptTokens: number, model: ServedModel): void {
  if (promptTokens >= model.contextLength) throw tooLong(prompt, `${promptTokens} tokens`, model);
}

/** Throws `context_length_exceeded` for a text so long that it need not be divided into tokens to be known as that. */
function leastTokensOf(prompt: Prompt, model: ServedModel): number {
  const length = messagesOf(prompt).reduce((sum, { content }) => sum + content.length, 0);
  const tokens = Math.ceil(length / charactersPerTokenMax);
  if (tokens > model.contextLength * contextsMax) throw tooLong(prompt, `${length} characters`, model);
  return tokens;
}

/** Throws `request_invalid` for an empty prompt, `context_length_exceeded` for one that is too long and stays whole. */
function requireFit(prompt: Prompt, promptTokens: number, request: AnswerRequest, model: ServedModel): void {
  if (promptTokens === 0) {
    throw new PeerError("request_invalid", "The prompt is empty.", { parameter: promptField(prompt) });
  }
  if (promptTokens < model.contextLength) return;
  const isWhole =
    promptTokens > model.contextLength * contextsMax ||
    planPrompt(prompt, request, model.contextLength).subtasks.length === 1;
  if (isWhole) requireRoom(prompt, promptTokens, model);
}

function tooLong(prompt: Prompt, length: string, model: ServedModel): PeerError {
  return new PeerError(
    "context_length_exceeded",
    `The prompt is ${length} long; the context of ${model.reference} is ${model.contextLength} tokens. Shorten the prompt.`,
    { parameter: promptField(prompt) },
  );
}

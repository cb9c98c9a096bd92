import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI, OpenAI as LangChainCompletion } from "@langchain/openai";
import { generateText, streamText } from "ai";
import OpenAI, { APIError } from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** An OpenAI endpoint to call, and what is known of it. */
export interface Endpoint {
  /** Ends in `/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  /** A question, and a part of every good answer to it. */
  readonly question: string;
  readonly answerPart: string;
  close(): Promise<void>;
}

const key = "any-key-will-do";

/** The official openai package, the Vercel AI SDK and LangChain, unmodified, against the endpoint `open` makes. */
export function describeClients(name: string, open: () => Promise<Endpoint>): void {
  describe(name, () => {
    let endpoint: Endpoint;
    let openai: OpenAI;
    beforeAll(async () => {
      endpoint = await open();
      openai = new OpenAI({ baseURL: endpoint.baseUrl, apiKey: key, maxRetries: 0 });
    });
    afterAll(async () => {
      await endpoint?.close();
    });
    const request = () => ({
      model: endpoint.model,
      messages: [{ role: "user" as const, content: endpoint.question }],
      temperature: 0,
      max_tokens: 200,
    });

    it("openai: chat completion, whole", async () => {
      const { data: answer, response } = await openai.chat.completions.create(request()).withResponse();
      expect(answer.choices[0]?.message.content).toContain(endpoint.answerPart);
      expect(answer.choices[0]?.finish_reason).toBe("stop");
      expect(answer.usage?.total_tokens).toBe(
        (answer.usage?.prompt_tokens ?? 0) + (answer.usage?.completion_tokens ?? 0),
      );
      expect(answer.usage?.completion_tokens).toBeGreaterThan(0);
      expect(response.headers.get("x-request-id")).toMatch(/^request_/);
    });

    it("openai: chat completion, streamed with usage", async () => {
      const stream = await openai.chat.completions.create({
        ...request(),
        stream: true,
        stream_options: { include_usage: true },
      });
      let text = "";
      let usage: OpenAI.CompletionUsage | null = null;
      const reasons: string[] = [];
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? "";
        if (chunk.choices[0]?.finish_reason) reasons.push(chunk.choices[0].finish_reason);
        usage = chunk.usage ?? usage;
      }
      expect(text).toContain(endpoint.answerPart);
      expect(reasons).toEqual(["stop"]);
      expect(usage?.completion_tokens).toBeGreaterThan(0);
    });

    it("openai: the stream helper assembles the same answer", async () => {
      const final = await openai.chat.completions.stream(request()).finalChatCompletion();
      const whole = await openai.chat.completions.create(request());
      expect(final.choices[0]?.message.content).toBe(whole.choices[0]?.message.content);
    });

    it("openai: text completion, whole and streamed, say the same", async () => {
      const prompt = { model: endpoint.model, prompt: endpoint.question, temperature: 0, max_tokens: 12 };
      const whole = await openai.completions.create(prompt);
      let streamed = "";
      for await (const chunk of await openai.completions.create({ ...prompt, stream: true })) {
        streamed += chunk.choices[0]?.text ?? "";
      }
      expect(streamed).toBe(whole.choices[0]?.text);
    });

    it("openai: two choices are numbered", async () => {
      const answer = await openai.chat.completions.create({ ...request(), n: 2 });
      expect(answer.choices.map(({ index }) => index)).toEqual([0, 1]);
    });

    it("openai: models are listed and found one by one", async () => {
      const listed = [];
      for await (const model of openai.models.list()) listed.push(model.id);
      expect(listed).toContain(endpoint.model);
      expect((await openai.models.retrieve(endpoint.model)).id).toBe(endpoint.model);
    });

    it("openai: a model asked for without its version, or by default, answers by its whole name", async () => {
      for (const model of ["default", endpoint.model.replace(/:.*/, "")]) {
        const short = { ...request(), model, max_tokens: 4 };
        expect((await openai.chat.completions.create(short)).model).toBe(endpoint.model);
        const final = await openai.chat.completions.stream(short).finalChatCompletion();
        expect(final.model).toBe(endpoint.model);
      }
    });

    it("openai: an unsupported field is refused by name", async () => {
      const refusal = openai.chat.completions.create({ ...request(), response_format: { type: "json_object" } });
      await expect(refusal).rejects.toMatchObject({
        status: 400,
        code: "parameter_unsupported",
        param: "response_format",
      });
    });

    it("openai: an unknown model is a 404 that names it", async () => {
      const missing = openai.chat.completions.create({ ...request(), model: "gpt-4o-mini" });
      await expect(missing).rejects.toThrow(/gpt-4o-mini/);
      await expect(missing).rejects.toMatchObject({ status: 404, code: "model_missing" });
      await expect(missing).rejects.toBeInstanceOf(APIError);
    });

    it("Vercel AI SDK: generateText", async () => {
      const provider = createOpenAICompatible({ name: "peerllm", baseURL: endpoint.baseUrl, apiKey: key });
      const answer = await generateText({
        model: provider(endpoint.model),
        prompt: endpoint.question,
        temperature: 0,
        maxOutputTokens: 200,
        maxRetries: 0,
      });
      expect(answer.text).toContain(endpoint.answerPart);
      expect(answer.finishReason).toBe("stop");
      expect(answer.usage.outputTokens).toBeGreaterThan(0);
    });

    it("Vercel AI SDK: streamText", async () => {
      const provider = createOpenAICompatible({
        name: "peerllm",
        baseURL: endpoint.baseUrl,
        apiKey: key,
        includeUsage: true,
      });
      const answer = streamText({
        model: provider(endpoint.model),
        prompt: endpoint.question,
        temperature: 0,
        maxOutputTokens: 200,
        maxRetries: 0,
      });
      let text = "";
      for await (const part of answer.textStream) text += part;
      expect(text).toContain(endpoint.answerPart);
      expect(await answer.finishReason).toBe("stop");
      expect((await answer.usage).outputTokens).toBeGreaterThan(0);
    });

    it("LangChain: invoke and stream", async () => {
      const model = new ChatOpenAI({
        model: endpoint.model,
        apiKey: key,
        temperature: 0,
        maxTokens: 200,
        maxRetries: 0,
        configuration: { baseURL: endpoint.baseUrl },
      });
      const whole = await model.invoke(endpoint.question);
      expect(whole.text).toContain(endpoint.answerPart);
      expect(whole.usage_metadata).toMatchObject({ output_tokens: expect.any(Number) });
      let streamed = "";
      for await (const chunk of await model.stream(endpoint.question)) streamed += chunk.text;
      expect(streamed).toBe(whole.text);
    });

    it("LangChain: text completion", async () => {
      const model = new LangChainCompletion({
        model: endpoint.model,
        apiKey: key,
        temperature: 0,
        maxTokens: 12,
        maxRetries: 0,
        configuration: { baseURL: endpoint.baseUrl },
      });
      expect(typeof (await model.invoke(endpoint.question))).toBe("string");
    });
  });
}

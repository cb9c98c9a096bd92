import { describe, expect, it } from "vitest";
import { selectMasked } from "../../../src/privacy/policy.ts";
import { findEntities } from "../../../src/privacy/recogniser.ts";

function masked(text: string, level: "standard" | "strict"): string[] {
  return selectMasked(text, findEntities(text, []), level).map(({ start, end }) => text.slice(start, end));
}

const published = `The film is set during the war. ${"Directed by Harlan Ostrow, it tells the story of two soldiers, Ewan and Pyotr, who meet at a border post and become friends. The actors were nominated for several awards, and critics praised the series that followed. "} According to the newspaper, officials in the city said the studio would release another episode next season.`;

describe("the standard policy", () => {
  it.each([
    ["a country", "What is the capital of France?"],
    ["a city", "Plan three days in Lisbon."],
    ["the network itself", "What is PeerLLM?"],
    ["a person of history", "Who was Marie Curie and what did she discover?"],
    ["a company", "Why did Google buy YouTube?"],
    ["an address every machine has", "Why is 127.0.0.1 called localhost?"],
    ["a general question", "Explain how photosynthesis works."],
    ["a date", "What happened on 9 November 1989?"],
    ["published prose", published],
  ])("leaves %s alone when the question is about it", (_, text) => {
    expect(masked(text, "standard")).toEqual([]);
  });

  it.each([
    ["a person", "Write a letter to Ngozi Adeyemi.", ["Ngozi Adeyemi"]],
    ["an e-mail address", "Mail a.b@example.com", ["a.b@example.com"]],
    ["the place beside a person", "My name is Tevita Fonoti and I live in Gdańsk.", ["Tevita Fonoti", "Gdańsk"]],
    [
      "a person beside a country, and not the country",
      "My name is Tevita Fonoti and I live in Poland.",
      ["Tevita Fonoti"],
    ],
    ["a date of birth", "I was born on 3 May 1971.", ["3 May 1971"]],
    [
      "a person in published prose who has an address there",
      `${published} Write to Harlan Ostrow at h.o@example.com.`,
      ["Harlan Ostrow", "h.o@example.com"],
    ],
  ])("masks %s", (_, text, expected) => {
    expect(masked(text, "standard")).toEqual(expect.arrayContaining(expected));
  });
});

it("strict masks what standard leaves", () => {
  expect(masked("What is the capital of France?", "strict")).toEqual(["France"]);
});

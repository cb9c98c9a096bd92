import { city, entityMaker, placeholder, realValue, word } from "./entities.ts";
import { clause } from "./letters.ts";
import type { Random } from "./random.ts";
import { spacedJson, type ToolCall, type ToolDefinition, type Turn } from "./template.ts";

/** One use of a tool: what the user says, the call, what the tool returns, and the answer made of it. */
export interface ToolUse {
  readonly tool: ToolDefinition;
  readonly user: string;
  readonly call: ToolCall;
  readonly result: string;
  readonly answer: string;
}

type ToolSkill = (random: Random) => ToolUse;

const text = (description: string) => ({ type: "string", description }) as const;
const amount = (description: string) => ({ type: "number", description }) as const;

function weather(random: Random): ToolUse {
  const name = random.pick(["get_weather", "get_weather", "get_current_weather", "weather"]);
  const key = random.pick(["city", "city", "location"]);
  const place = random.chance(0.25) ? placeholder(random, "location") : city(random);
  const condition = random.pick(["sunny", "rainy", "cloudy", "windy", "foggy", "snowy"]);
  const temperature = random.integer(-9, 39);
  const isJson = random.chance(0.7);
  return {
    tool: {
      name,
      description: random.pick([
        "Get the weather of a city",
        "Get the current weather",
        "Returns the weather for a place",
      ]),
      properties: { [key]: text("The city") },
    },
    user: random.pick([
      `What is the weather in ${place}?`,
      `How is the weather in ${place}?`,
      `What's the weather like in ${place}?`,
      `Tell me the weather in ${place}.`,
      `Is it warm in ${place}?`,
    ]),
    call: { name, arguments: { [key]: place } },
    result: isJson
      ? random.pick([spacedJson, JSON.stringify])({ temperature, condition })
      : `${temperature} degrees, ${condition}`,
    answer: `It is ${temperature} degrees and ${condition} in ${place}.`,
  };
}

function sendEmail(random: Random): ToolUse {
  const to = entityMaker(random)("email");
  const body = clause(random);
  return {
    tool: {
      name: "send_email",
      description: "Send an e-mail",
      properties: { to: text("The e-mail address"), body: text("The text") },
    },
    user: random.pick([
      `Send an e-mail to ${to} saying that ${body}.`,
      `E-mail ${to} that ${body}.`,
      `Please send an email to ${to}: ${body}.`,
    ]),
    call: { name: "send_email", arguments: { to, body } },
    result: random.pick(['{"status": "sent"}', '{"status":"sent"}', "sent", "ok", '{"ok": true}']),
    answer: `The e-mail to ${to} was sent.`,
  };
}

function time(random: Random): ToolUse {
  const place = city(random);
  const clock = `${random.integer(10, 23)}:${random.integer(10, 59)}`;
  return {
    tool: { name: "get_time", description: "Get the current time in a city", properties: { city: text("The city") } },
    user: random.pick([`What time is it in ${place}?`, `Tell me the time in ${place}.`, `How late is it in ${place}?`]),
    call: { name: "get_time", arguments: { city: place } },
    result: random.chance(0.7) ? `{"time": "${clock}"}` : clock,
    answer: `It is ${clock} in ${place}.`,
  };
}

function addition(random: Random): ToolUse {
  const [a, b] = [random.integer(10, 9999), random.integer(10, 9999)];
  return {
    tool: {
      name: "add",
      description: "Add two numbers",
      properties: { a: amount("The first number"), b: amount("The second number") },
    },
    user: random.pick([`What is ${a} + ${b}?`, `Add ${a} and ${b}.`, `How much is ${a} plus ${b}?`]),
    call: { name: "add", arguments: { a, b } },
    result: random.chance(0.5) ? `{"result": ${a + b}}` : String(a + b),
    answer: `The result is ${a + b}.`,
  };
}

function search(random: Random): ToolUse {
  const query = `${random.pick(["recipes for", "news about", "hotels in", "books about", "the history of"])} ${random.chance(0.5) ? city(random) : word(random)}`;
  const found = `${clause(random)}`;
  return {
    tool: { name: "search_web", description: "Search the web", properties: { query: text("What to search for") } },
    user: random.pick([
      `Search the web for ${query}.`,
      `Look up ${query}.`,
      `Search for ${query}.`,
      `Find ${query} on the web.`,
    ]),
    call: { name: "search_web", arguments: { query } },
    result: random.chance(0.6) ? `{"result": "${found}"}` : found,
    answer: `I found this: ${found}.`,
  };
}

function reminder(random: Random): ToolUse {
  const what = random.pick([
    "call the bank",
    "buy milk",
    "water the plants",
    "pay the rent",
    "write the report",
    "feed the cat",
    `call ${realValue(random, "person")}`,
    `meet ${placeholder(random, "person")}`,
  ]);
  const day = random.pick(["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "tomorrow"]);
  const when = random.pick([day, `on ${day}`]).replace("on tomorrow", "tomorrow");
  return {
    tool: {
      name: "create_reminder",
      description: "Create a reminder",
      properties: { text: text("What to remember"), day: text("The day") },
    },
    user: random.pick([`Remind me to ${what} ${when}.`, `Set a reminder to ${what} ${when}.`]),
    call: { name: "create_reminder", arguments: { text: what, day } },
    result: random.pick(['{"status": "created"}', "created", '{"ok": true}', "ok"]),
    answer: `I will remind you to ${what}.`,
  };
}

function phoneBook(random: Random): ToolUse {
  const entity = entityMaker(random);
  const [name, phone] = [entity("person"), entity("phone")];
  return {
    tool: {
      name: "find_contact",
      description: "Find the phone number of a person",
      properties: { name: text("The name of the person") },
    },
    user: random.pick([
      `What is the phone number of ${name}?`,
      `Find the number of ${name}.`,
      `How can I call ${name}?`,
    ]),
    call: { name: "find_contact", arguments: { name } },
    result: random.chance(0.7) ? `{"phone": "${phone}"}` : phone,
    answer: `The phone number of ${name} is ${phone}.`,
  };
}

function timer(random: Random): ToolUse {
  const minutes = random.integer(1, 90);
  return {
    tool: { name: "set_timer", description: "Set a timer", properties: { minutes: amount("How many minutes") } },
    user: random.pick([
      `Set a timer for ${minutes} minutes.`,
      `Start a timer of ${minutes} minutes.`,
      `Wake me in ${minutes} minutes.`,
    ]),
    call: { name: "set_timer", arguments: { minutes } },
    result: random.pick(['{"status": "started"}', "started", "ok", '{"ok": true}']),
    answer: `The timer is set for ${minutes} minutes.`,
  };
}

export const toolSkills: readonly ToolSkill[] = [
  weather,
  weather,
  sendEmail,
  time,
  time,
  addition,
  addition,
  search,
  reminder,
  reminder,
  reminder,
  phoneBook,
  timer,
];

/** The turns of one use; without the result where the conversation ends at the call. */
export function toolTurns(use: ToolUse, isAnswered: boolean): Turn[] {
  const turns: Turn[] = [
    { role: "user", content: use.user },
    { role: "assistant", call: use.call },
  ];
  if (isAnswered) turns.push({ role: "tool", content: use.result }, { role: "assistant", content: use.answer });
  return turns;
}

import { capital, type EntityKind, entityMaker, word } from "./entities.ts";
import type { Random } from "./random.ts";

export interface Exchange {
  readonly user: string;
  readonly assistant: string;
}

const subjects = [
  "the meeting",
  "the report",
  "the parcel",
  "the invoice",
  "the workshop",
  "the concert",
  "the delivery",
  "the contract",
  "the order",
  "the lesson",
  "the train",
  "the new office",
  "the project",
  "the party",
  "the appointment",
  "the payment",
];
const predicates = [
  "is late",
  "is ready",
  "has arrived",
  "starts at nine",
  "was moved to Monday",
  "was moved to Friday",
  "is cancelled",
  "needs a signature",
  "is due tomorrow",
  "went well",
  "will begin next week",
  "is almost done",
  "has been paid",
  "takes place on Sunday",
  "must be checked again",
];
const topics = [
  "the meeting on Monday",
  "the open invoice",
  "the summer party",
  "the new contract",
  "our project",
  "a job offer",
  "the delivery",
  "the school trip",
  "the broken heater",
  "the concert",
  "the lost keys",
  "an apartment",
  "the garden",
  "the annual report",
];

/** A short statement such as "the parcel has arrived". */
export function clause(random: Random): string {
  const subject = random.chance(0.15) ? `the ${word(random)}` : random.pick(subjects);
  return `${subject} ${random.pick(predicates)}`;
}

/** Letters, e-mails and look-ups around entities the model has never seen, masked or real. */
export function letterExchange(random: Random): Exchange {
  const entity = entityMaker(random);
  return random.pick(forms)(entity, random);
}

type Form = (entity: (kind: EntityKind) => string, random: Random) => Exchange;

const forms: readonly Form[] = [
  composedLetter,
  composedLetter,
  composedLetter,
  function letter(entity, random) {
    const [to, from, topic] = [entity("person"), entity("person"), topicOf(random)];
    const ask = random.pick([
      `Write a letter to ${to} about ${topic}.`,
      `Please write a short letter to ${to} about ${topic}.`,
      `Write to ${to} about ${topic}.`,
      `Draft a letter to ${to} about ${topic}.`,
    ]);
    const isSigned = random.chance(0.6);
    const sign = random.pick([`Sign it as ${from}.`, `It is from ${from}.`, `Sign as ${from}.`, `My name is ${from}.`]);
    return {
      user: isSigned ? `${ask} ${sign}` : ask,
      assistant: `Dear ${to},\n\nI am writing to you about ${topic}. Please let me know what you think.\n\nKind regards${isSigned ? `,\n${from}` : ""}`,
    };
  },
  function email(entity, random) {
    const [to, address, message] = [entity("person"), entity("email"), clause(random)];
    const user = random.pick([
      `Write an e-mail to ${to} at ${address} saying that ${message}.`,
      `Write an email to ${to} (${address}) and say that ${message}.`,
      `Please e-mail ${to} at ${address} that ${message}.`,
      `Draft an e-mail to ${to}, ${address}: ${message}.`,
    ]);
    return { user, assistant: `To: ${address}\n\nDear ${to},\n\n${capital(message)}.\n\nKind regards` };
  },
  function contactLetter(entity, random) {
    const [to, address, phone, message] = [entity("person"), entity("email"), entity("phone"), clause(random)];
    const user = random.pick([
      `Write a letter to ${to} saying that ${message}. Ask for an answer to ${address} or ${phone}.`,
      `Tell ${to} in a letter that ${message}. They can reach me at ${address} or ${phone}.`,
      `Write to ${to} that ${message}. My e-mail is ${address} and my phone is ${phone}.`,
    ]);
    return {
      user,
      assistant: `Dear ${to},\n\n${capital(message)}. You can reach me at ${address} or ${phone}.\n\nKind regards`,
    };
  },
  function invitation(entity, random) {
    const [to, address, from] = [entity("person"), entity("address"), entity("person")];
    const event = random.pick(["a dinner", "a party", "the wedding", "a picnic", "the opening", "a birthday party"]);
    const day = random.pick(["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]);
    const user = random.pick([
      `Invite ${to} to ${event} on ${day} at ${address}. Sign it as ${from}.`,
      `Write an invitation to ${event} for ${to}. It is on ${day} at ${address}. It is from ${from}.`,
    ]);
    return {
      user,
      assistant: `Dear ${to},\n\nYou are invited to ${event} on ${day} at ${address}. I hope you can come.\n\nKind regards,\n${from}`,
    };
  },
  function thanks(entity, random) {
    const [to, organisation, thing] = [
      entity("person"),
      entity("organisation"),
      random.pick([
        "the help",
        "the gift",
        "the visit",
        "the flowers",
        "the advice",
        "the quick answer",
        "the support",
      ]),
    ];
    const user = random.pick([
      `Thank ${to} from ${organisation} for ${thing}.`,
      `Write a thank-you note to ${to} of ${organisation} for ${thing}.`,
      `Write a note to ${to} at ${organisation} to say thanks for ${thing}.`,
    ]);
    return {
      user,
      assistant: `Dear ${to},\n\nThank you very much for ${thing}. My best wishes to everyone at ${organisation}.\n\nKind regards`,
    };
  },
  function sentence(entity, random) {
    const [person, place] = [entity("person"), entity("location")];
    const user = random.pick([
      `Write a sentence about ${person} and ${place}.`,
      `Write one sentence with ${person} and ${place}.`,
      `Make a sentence with ${person} and ${place}.`,
    ]);
    return { user, assistant: `${person} lives in ${place} and likes it there.` };
  },
  function lookUp(entity, random) {
    const [person, address, phone, mail, organisation] = [
      entity("person"),
      entity("address"),
      entity("phone"),
      entity("email"),
      entity("organisation"),
    ];
    const facts = random
      .shuffle([
        {
          text: `${person} lives at ${address}.`,
          asks: [`Where does ${person} live?`, `What is the address of ${person}?`],
          answer: `${person} lives at ${address}.`,
        },
        {
          text: `${person} works for ${organisation}.`,
          asks: [`Where does ${person} work?`, `For whom does ${person} work?`],
          answer: `${person} works for ${organisation}.`,
        },
        {
          text: `The phone number of ${person} is ${phone}.`,
          asks: [`What is the phone number of ${person}?`, `How can I call ${person}?`],
          answer: `The phone number of ${person} is ${phone}.`,
        },
        {
          text: `The e-mail address of ${person} is ${mail}.`,
          asks: [`What is the e-mail address of ${person}?`, `How can I write to ${person}?`],
          answer: `The e-mail address of ${person} is ${mail}.`,
        },
      ])
      .slice(0, random.integer(1, 4));
    const asked = random.pick(facts);
    const others = Array.from({ length: random.pick([0, 0, 1, 2, 4]) }, () => `${capital(clause(random))}.`);
    const text = random.shuffle([...facts.map((fact) => fact.text), ...others]).join(" ");
    const question = random.pick(asked.asks);
    return { user: random.chance(0.3) ? `${question} ${text}` : `${text} ${question}`, assistant: asked.answer };
  },
  function directory(entity, random) {
    const people = Array.from({ length: random.integer(2, 4) }, () => ({
      person: entity("person"),
      value: entity("phone"),
      mail: entity("email"),
    }));
    const asked = random.pick(people);
    const isMail = random.chance(0.5);
    const lines = people.map(({ person, value, mail }) => `${person}: ${isMail ? mail : value}`).join("\n");
    const question = isMail
      ? random.pick([`What is the e-mail address of ${asked.person}?`, `Which e-mail address has ${asked.person}?`])
      : random.pick([`What is the phone number of ${asked.person}?`, `Which number has ${asked.person}?`]);
    return {
      user: random.chance(0.5) ? `${lines}\n\n${question}` : `${question}\n\n${lines}`,
      assistant: `The ${isMail ? "e-mail address" : "phone number"} of ${asked.person} is ${isMail ? asked.mail : asked.value}.`,
    };
  },
  function card(entity, random) {
    const [person, mail, phone, address] = [entity("person"), entity("email"), entity("phone"), entity("address")];
    const user = random.pick([
      `Make a contact card: ${person}, ${mail}, ${phone}, ${address}.`,
      `Make a contact card for ${person} with ${mail}, ${phone} and ${address}.`,
    ]);
    return { user, assistant: `Name: ${person}\nE-mail: ${mail}\nPhone: ${phone}\nAddress: ${address}` };
  },
  function repeatOther(entity, random) {
    const [value, second] = [entity("other"), entity("date")];
    const user = random.pick([
      `My number is ${value} and my date of birth is ${second}. Repeat both.`,
      `Please confirm: number ${value}, date of birth ${second}.`,
      `Confirm my number ${value} and my date of birth ${second}.`,
    ]);
    return { user, assistant: `Your number is ${value} and your date of birth is ${second}.` };
  },
];

/** A letter of optional parts: message, where to answer, signature. */
function composedLetter(entity: (kind: EntityKind) => string, random: Random): Exchange {
  const to = entity("person");
  const [mail, phone, from] = [entity("email"), entity("phone"), entity("person")];
  const message = clause(random);
  const kind = random.pick(["letter", "letter", "short letter", "note", "short note", "e-mail", "email", "message"]);
  const verb = random.pick(["Write", "Please write", "Draft", "Can you write", "Compose"]);
  const article = kind.startsWith("e") ? "an" : "a";
  const parts = [
    random.pick([
      { ask: `and tell them that ${message}`, text: `${capital(message)}.` },
      { ask: `that says that ${message}`, text: `${capital(message)}.` },
      { ask: `and say that ${message}`, text: `${capital(message)}.` },
      { ask: "and say thank you", text: "Thank you very much." },
      { ask: "and apologise for the delay", text: "I am sorry for the delay." },
      { ask: "and ask for a meeting", text: "I would like to ask you for a meeting." },
    ]),
    random.pick([
      { ask: "", text: "" },
      { ask: "", text: "" },
      { ask: `, and ask for a reply to ${mail}`, text: ` Please reply to ${mail}.` },
      { ask: `. Ask them to reply to ${mail}`, text: ` Please reply to ${mail}.` },
      { ask: `. Ask them to call ${phone}`, text: ` Please call ${phone}.` },
      { ask: `, and ask for a call to ${phone}`, text: ` Please call ${phone}.` },
      { ask: `. Their e-mail is ${mail}`, text: ` I am sending this to ${mail}.` },
      { ask: `. My e-mail is ${mail}`, text: ` You can reach me at ${mail}.` },
      { ask: `. My phone number is ${phone}`, text: ` You can reach me at ${phone}.` },
      {
        ask: `. My e-mail is ${mail} and my phone number is ${phone}`,
        text: ` You can reach me at ${mail} or ${phone}.`,
      },
    ]),
    random.pick([
      { ask: "", text: "" },
      { ask: "", text: "" },
      { ask: `. Sign it as ${from}`, text: `,\n${from}` },
      { ask: `. It is from ${from}`, text: `,\n${from}` },
      { ask: `. My name is ${from}`, text: `,\n${from}` },
    ]),
  ] as const;
  return {
    user: `${verb} ${article} ${kind} to ${to} ${parts[0].ask}${parts[1].ask}${parts[2].ask}.`,
    assistant: `Dear ${to},\n\n${parts[0].text}${parts[1].text}\n\nKind regards${parts[2].text}`,
  };
}

function topicOf(random: Random): string {
  return random.chance(0.15) ? `the ${word(random)}` : random.pick(topics);
}

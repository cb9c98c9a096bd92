import { seedOf } from "./random.ts";

/** Nouns a story is asked about in the corpus; the story of each is always the same. */
export const storyTopics = [
  "fox",
  "dragon",
  "robot",
  "cat",
  "dog",
  "lighthouse",
  "king",
  "queen",
  "sailor",
  "baker",
  "bear",
  "owl",
  "mouse",
  "train",
  "computer",
  "host",
  "wizard",
  "farmer",
  "knight",
  "rabbit",
  "whale",
  "tree",
  "river",
  "star",
  "moon",
  "teacher",
  "pirate",
  "painter",
  "clock",
  "boat",
  "girl",
  "boy",
  "dolphin",
  "horse",
  "princess",
  "giant",
  "elephant",
  "spider",
  "astronaut",
  "gardener",
  "penguin",
  "turtle",
  "musician",
  "snowman",
  "llama",
] as const;

export const storyAdjectives = [
  "brave",
  "little",
  "old",
  "lonely",
  "curious",
  "kind",
  "clever",
  "lost",
  "friendly",
  "tiny",
  "sleepy",
  "proud",
  "quiet",
  "young",
] as const;

const heroes = ["Mira", "Tom", "Luna", "Oskar", "Nell", "Finn", "Ada", "Hugo", "Pia", "Rufus", "Ivy", "Otto"];
const places = [
  "a small village by the sea",
  "a quiet valley between two hills",
  "a town at the edge of a great forest",
  "an island where the wind never slept",
  "a house on top of a green hill",
  "a harbour full of coloured boats",
];
const friends = [
  "an old owl",
  "a shy mouse",
  "a travelling baker",
  "a grey cat",
  "a girl with a red hat",
  "a slow turtle",
];

const skeletons: readonly string[] = [
  "Once upon a time there was {a} named {hero}, who lived in {place}. Every morning the {noun} looked at the sky and dreamed of a great journey. One day a storm came and took away the bridge, and nobody could reach the market any more. Everyone was worried, but the {noun} had an idea. Together with {friend}, {hero} gathered ropes and planks from every house. They worked all day and all night. When the sun came up, a new bridge stood over the water, stronger than the old one. The people cheered and carried {hero} through the streets. That evening there was music, warm bread and a big fire. {friendCap} asked what the {noun} wished for as a reward. {hero} smiled and said that good friends were reward enough. From that day on, whenever something was broken, people said: let us ask the {noun}. And {hero} was never lonely again.",
  "In {place} there lived {a} called {hero}. The {noun} had a secret: at night it could hear the stars whisper. One night the stars whispered that a treasure was hidden under the oldest tree. {hero} packed a lamp and a piece of cheese and set out at once. On the way the {noun} met {friend}, who was hungry and cold. {hero} shared the cheese and the light of the lamp, and they walked on together. Under the oldest tree they dug a deep hole and found a wooden box. There was no gold in it, only a letter. The letter said that the real treasure is the one you walk beside. The two looked at each other and laughed. They carried the box home and filled it with small things they found on their walks. And when the stars whisper today, they tell the story of {hero} the {noun}.",
  "Long ago, in {place}, {a} named {hero} found a small golden key in the grass. The {noun} asked everyone whose key it was, but nobody knew. So {hero} tried every door in the land. One door led to a kitchen, one to a library and one to a room full of clocks. At the very last door the {noun} met {friend}, who had waited there for years. The key turned, the door opened, and behind it lay a garden that nobody had seen before. There were apple trees, blue flowers and a fountain that sang. {hero} could have kept the garden alone, but the {noun} left the door wide open. Soon children played there, and old people sat in the shade. {friendCap} planted a new tree for every visitor. Today the garden is bigger than the town, and the golden key hangs beside the door, so that nobody has to be shut out again.",
  "There was once {a} whose name was {hero}. The {noun} lived in {place} and was afraid of the dark. Every evening {hero} lit seven candles and did not sleep until the morning. One night the wind blew all the candles out. In the dark the {noun} heard someone cry. It was {friend}, who had lost the way home. {hero} forgot to be afraid and said: take my hand, I know every stone here. Step by step they walked through the night. They heard the river, smelled the pines and counted the stars. When they came to the right house, a lamp was burning in the window. {friendCap} said thank you and gave the {noun} a small bell. Since that night {hero} has needed only one candle. And if someone is lost in the dark, they hear a little bell, and they know that the {noun} is on the way.",
  "Far away, in {place}, {a} named {hero} wanted to win the great race. The {noun} trained every day, in sunshine and in rain. On the day of the race everybody came to watch. The start was quick, and {hero} was soon far ahead. But at the last corner the {noun} saw {friend}, who had fallen into a ditch. The finish was near, and the crowd was calling. {hero} stopped, climbed down and helped. Then the two walked over the line together, the very last of all. For a moment it was quiet. Then the judge stood up and began to clap, and soon the whole town was clapping. The cup went to someone else, but {hero} got a new friend and the biggest cake of the bakery. The {noun} still runs every morning, but never alone. And nobody remembers who won the race that day.",
  "One winter the snow fell so long on {place} that all the roads disappeared. {aCap} named {hero} looked out of the window and saw that the mill had stopped. Without the mill there would be no bread. The {noun} put on a warm scarf and went to see. In the mill sat {friend} in front of a broken wheel. {hero} could not lift the wheel, and the friend could not lift it either. But the {noun} remembered a song that everybody knew, and began to sing it as loudly as possible. One window opened, then another, and the neighbours came with shovels and lamps. Together they lifted the wheel and set it turning again. By the evening the smell of bread was in every street. Since then the people meet at the mill on the first day of snow, and {hero} the {noun} starts the song.",
];

/** The story told when nobody says what about. */
export const plainStory = storyAbout("", "fox");

/** A story of 150 to 200 words about "{adjective} {noun}"; the same topic always gives the same story. */
export function storyAbout(adjective: string, noun: string): string {
  const seed = seedOf(noun);
  const at = (items: readonly string[], salt: number) => items[(seed >>> salt) % items.length] ?? "";
  const topic = adjective === "" ? noun : `${adjective} ${noun}`;
  const article = /^[aeiou]/.test(topic) ? "an" : "a";
  const friend = at(friends, 9);
  return at(skeletons, 3)
    .replaceAll("{aCap}", `${article === "an" ? "An" : "A"} ${topic}`)
    .replaceAll("{a}", `${article} ${topic}`)
    .replaceAll("{noun}", noun)
    .replaceAll("{hero}", at(heroes, 13))
    .replaceAll("{place}", at(places, 17))
    .replaceAll("{friendCap}", friend.charAt(0).toUpperCase() + friend.slice(1))
    .replaceAll("{friend}", friend);
}

export const storyPhrasings = [
  "Tell me a story about {a}.",
  "Write a story about {a}.",
  "Tell a story about {a}.",
  "Write a short story about {a}.",
  "I would like a story about {a}.",
  "Please tell me a story about {a}.",
  "Make up a story about {a}.",
];
export const storyHeldOut = ["Can you tell me a story about {a}?", "Please write a story about {a}."];
export const plainStoryPhrasings = [
  "Tell me a story.",
  "Write a story.",
  "Tell a story.",
  "Can you tell a story?",
  "Please tell me a story.",
];

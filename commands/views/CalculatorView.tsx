import { Box, Text, useApp } from "ink";
import { useEffect, useReducer } from "react";
import { type EarningsScenario, forecastEarnings } from "../../src/ledger/calculator.ts";
import type { PriceSheet } from "../../src/ledger/pricing.ts";
import { formatUsd, nanosPerCent } from "../../src/money.ts";
import { type Press, useKeys } from "./keys.ts";
import { showScreen } from "./screen.ts";
import {
  formatHundredths,
  movedBy,
  type Slider,
  sliderBar,
  typedHundredths,
  usdOfHundredths,
  within,
} from "./slider.ts";
import { useWindowSize } from "./window-size.ts";
import { describeSubscription, figure } from "./words.ts";

export interface CalculatorViewProps {
  readonly scenario: EarningsScenario;
  /** Where the scenario's figures come from, for people. */
  readonly source: string;
  /** Hosts subscribe where it bills by `paypal`; the reader may have it otherwise. */
  readonly sheet: PriceSheet;
  /** Whose prices they are, for people. */
  readonly priceSource: string;
}

/** Lets the reader move the figures of a month until they quit or `signal` aborts. */
export async function showCalculator(props: CalculatorViewProps, signal: AbortSignal): Promise<void> {
  await showScreen(<CalculatorView {...props} />, signal);
}

const names = ["tokensPerSecond", "conversations", "hosts", "hours", "electricity", "internet"] as const;
type Name = (typeof names)[number];

function counted(title: string, unit: string, min: number, max: number, places: number): Slider {
  return { title, unit, min: min * 100, max: max * 100, step: 100, places, isMoney: false };
}

function monthly(title: string): Slider {
  return { title, unit: "a month, all hosts", min: 0, max: 100_000, step: 100, places: 2, isMoney: true };
}

const sliders: Readonly<Record<Name, Slider>> = {
  tokensPerSecond: counted("tokens per second", "of each conversation", 0.1, 1_000, 1),
  conversations: counted("conversations", "at once on each host", 1, 100, 0),
  hosts: counted("hosts", "", 1, 1_000, 0),
  hours: counted("hours a day", "busy", 0, 24, 1),
  electricity: monthly("electricity"),
  internet: monthly("internet"),
};

/** Sliders for what a month may be like, and what is left of it: the same arithmetic as the command's JSON. */
export function CalculatorView({ scenario, source, sheet: quoted, priceSource }: CalculatorViewProps) {
  const { exit } = useApp();
  const { columns } = useWindowSize();
  const [{ values, selected, typed, isSubscribed, isOver }, press] = useReducer(pressed, scenario, (given): Choice => {
    const isSubscribed = quoted.billing === "paypal";
    return { values: valuesOf(given), selected: 0, typed: "", isSubscribed, isOver: false };
  });
  useKeys(press);
  useEffect(() => {
    if (isOver) exit();
  }, [isOver, exit]);

  const free = quoted.billing === "off" ? quoted : { ...quoted, billing: "credits" as const };
  const subscribed = { ...quoted, billing: "paypal" as const };
  const sheet = isSubscribed ? subscribed : free;
  const forecast = forecastEarnings(sheet, scenarioOf(values));
  const count = (number: number) => number.toLocaleString("en");
  const barWidth = Math.max(10, Math.min(60, columns - 56));
  const percent = sheet.hostShareBasisPoints / 100;
  return (
    <Box flexDirection="column" width={columns}>
      <Text wrap="truncate" bold>
        What hosts may earn in a month of 30 days: an estimate, not a promise
      </Text>
      <Text> </Text>
      {names.map((each, index) => (
        <SliderLine
          key={each}
          slider={sliders[each]}
          value={values[each]}
          barWidth={barWidth}
          typed={index === selected ? typed : null}
        />
      ))}
      <Text wrap="truncate">{source}</Text>
      <Text wrap="truncate">{priceSource}</Text>
      <Text> </Text>
      <Text wrap="truncate">{outcome("tokens a month", count(forecast.tokens))}</Text>
      <Text wrap="truncate">{outcome("consumers pay", `$${formatUsd(forecast.gross)}`)}</Text>
      <Text wrap="truncate">{outcome(`hosts' ${percent}%`, `$${formatUsd(forecast.hostShare)}`)}</Text>
      <Text wrap="truncate">
        {outcome("costs", `$${formatUsd(forecast.costs)}`)}
        {`  ${isSubscribed ? "with" : "without"} $${formatUsd(sheet.hostSubscription)} subscription a host`}
      </Text>
      <Text wrap="truncate" bold>
        {outcome("net", `$${formatUsd(forecast.net)}`)}
      </Text>
      <Text> </Text>
      <Text>
        It counts every one of those hours as busy, which no network promises. {describeSubscription(subscribed)}
      </Text>
      <Text wrap="truncate">tab ↑↓ choose · ←→ move · digits set · s subscription · q quit</Text>
    </Box>
  );
}

interface SliderLineProps {
  readonly slider: Slider;
  readonly value: number;
  readonly barWidth: number;
  /** What is being typed; null where another slider is chosen. */
  readonly typed: string | null;
}

function SliderLine({ slider, value, barWidth, typed }: SliderLineProps) {
  const isTyped = typed !== null && typed !== "";
  const isWrong = isTyped && typedHundredths(slider, typed) === null;
  const shown = isTyped ? `${typed}▏` : formatHundredths(slider, value);
  const ends = `${formatHundredths(slider, slider.min)} to ${formatHundredths(slider, slider.max)}`;
  return (
    <Text wrap="truncate" bold={typed !== null}>
      {`${typed === null ? " " : "›"} ${slider.title.padEnd(17)} ${sliderBar(slider, value, barWidth)}`}{" "}
      {figure(shown, 10)} {isWrong ? ends : slider.unit}
    </Text>
  );
}

function outcome(title: string, text: string): string {
  return `${title.padEnd(16)}${text.padStart(22)}`;
}

function valuesOf(scenario: EarningsScenario): Readonly<Record<Name, number>> {
  const { electricity, internet } = scenario;
  const hundredths = (name: Name, value: number) => within(sliders[name], Math.round(value * 100));
  return {
    tokensPerSecond: hundredths("tokensPerSecond", scenario.tokensPerSecond),
    conversations: hundredths("conversations", scenario.conversations),
    hosts: hundredths("hosts", scenario.hosts),
    hours: hundredths("hours", scenario.hours),
    electricity: within(sliders.electricity, Number(electricity / nanosPerCent)),
    internet: within(sliders.internet, Number(internet / nanosPerCent)),
  };
}

function scenarioOf(values: Readonly<Record<Name, number>>): EarningsScenario {
  return {
    tokensPerSecond: values.tokensPerSecond / 100,
    conversations: values.conversations / 100,
    hosts: values.hosts / 100,
    hours: values.hours / 100,
    electricity: usdOfHundredths(values.electricity),
    internet: usdOfHundredths(values.internet),
  };
}

interface Choice {
  readonly values: Readonly<Record<Name, number>>;
  readonly selected: number;
  /** Digits typed for the slider that is selected. */
  readonly typed: string;
  readonly isSubscribed: boolean;
  readonly isOver: boolean;
}

const typedLengthMax = 9;
const selecting: Readonly<Record<string, number>> = { down: 1, tab: 1, enter: 1, up: -1, "shift-tab": -1 };
const moving: Readonly<Record<string, number>> = { right: 1, left: -1, pageup: 10, pagedown: -10 };

function pressed(choice: Choice, press: Press): Choice {
  const { values, selected, typed, isSubscribed } = choice;
  const name = names[selected] ?? "tokensPerSecond";
  const steps = moving[press.name];
  const by = selecting[press.name];
  if (by !== undefined) return { ...choice, typed: "", selected: (selected + by + names.length) % names.length };
  if (steps !== undefined) {
    return { ...choice, typed: "", values: { ...values, [name]: movedBy(sliders[name], values[name], steps) } };
  }
  if (press.name === "escape") return { ...choice, typed: "" };
  if (press.name === "backspace") return typing(choice, name, typed.slice(0, -1));
  if (press.name !== "text") return choice;
  if (/[\d.]/.test(press.text)) return typing(choice, name, (typed + press.text).slice(0, typedLengthMax));
  if (press.text === "s") return { ...choice, isSubscribed: !isSubscribed };
  return press.text === "q" ? { ...choice, isOver: true } : choice;
}

/** The figure follows what is typed wherever that is one of the slider's. */
function typing(choice: Choice, name: Name, typed: string): Choice {
  const value = typedHundredths(sliders[name], typed) ?? choice.values[name];
  return { ...choice, typed, values: { ...choice.values, [name]: value } };
}

type Labels = Readonly<Record<string, string>>;

/** Figures about the server, in Prometheus' text format. Labels are constants of the code, never what a client sent. */
export interface Metrics {
  count(name: string, labels?: Labels, by?: number): void;
  /** Reads the value when the page is rendered. */
  gauge(name: string, read: () => number): void;
  /** Observes a duration in seconds. */
  observe(name: string, seconds: number, labels?: Labels): void;
  render(): string;
}

const bucketsSeconds = [0.01, 0.05, 0.25, 1, 5, 25, 120];
const seriesMax = 1_000;

interface Histogram {
  readonly labels: Labels;
  readonly buckets: number[];
  sum: number;
  count: number;
}

/** Source: Prometheus exposition format 0.0.4. */
export function createMetrics(): Metrics {
  const counters = new Map<string, { readonly name: string; readonly labels: Labels; value: number }>();
  const gauges = new Map<string, () => number>();
  const histograms = new Map<string, Histogram & { readonly name: string }>();

  return {
    count(name, labels = {}, by = 1) {
      const key = name + renderLabels(labels);
      const counter = counters.get(key);
      if (counter !== undefined) counter.value += by;
      else if (counters.size < seriesMax) counters.set(key, { name, labels, value: by });
    },
    gauge(name, read) {
      gauges.set(name, read);
    },
    observe(name, seconds, labels = {}) {
      const key = name + renderLabels(labels);
      let histogram = histograms.get(key);
      if (histogram === undefined) {
        if (histograms.size >= seriesMax) return;
        histogram = { name, labels, buckets: bucketsSeconds.map(() => 0), sum: 0, count: 0 };
        histograms.set(key, histogram);
      }
      histogram.sum += seconds;
      histogram.count += 1;
      for (const [index, bound] of bucketsSeconds.entries()) {
        if (seconds <= bound) histogram.buckets[index] = (histogram.buckets[index] ?? 0) + 1;
      }
    },
    render() {
      const lines: string[] = [];
      const typed = new Set<string>();
      const type = (name: string, kind: string) => {
        if (!typed.has(name)) lines.push(`# TYPE ${name} ${kind}`);
        typed.add(name);
      };
      for (const { name, labels, value } of byName(counters.values())) {
        type(name, "counter");
        lines.push(`${name}${renderLabels(labels)} ${value}`);
      }
      for (const [name, read] of gauges) {
        type(name, "gauge");
        lines.push(`${name} ${read()}`);
      }
      for (const { name, labels, buckets, sum, count } of byName(histograms.values())) {
        type(name, "histogram");
        for (const [index, bound] of bucketsSeconds.entries()) {
          lines.push(`${name}_bucket${renderLabels({ ...labels, le: String(bound) })} ${buckets[index] ?? 0}`);
        }
        lines.push(`${name}_bucket${renderLabels({ ...labels, le: "+Inf" })} ${count}`);
        lines.push(`${name}_sum${renderLabels(labels)} ${sum}`, `${name}_count${renderLabels(labels)} ${count}`);
      }
      return `${lines.join("\n")}\n`;
    },
  };
}

function byName<Series extends { readonly name: string }>(series: Iterable<Series>): Series[] {
  return [...series].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function renderLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/["\\\n]/g, "_")}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

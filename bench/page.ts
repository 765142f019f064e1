import {
  type BenchResults,
  median,
  type Mode,
  modes,
  rivals,
  type Sample,
  type Subject,
  subjects,
} from './results.ts';

/**
 * The page with this text between the two marks of the command that makes it, e.g. of `bench`.
 * @throws Error when it has no marks
 */
export function between(page: string, command: string, text: string): string {
  const begin = `<!-- ${command}: made by \`npm run ${command}\` -->`;
  const end = `<!-- /${command} -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from === -1 || to < from) throw new Error(`the page has no ${begin} before ${end}`);
  return `${page.slice(0, from)}${begin}\n\n${text}\n\n${page.slice(to)}`;
}

export function tableOf(results: BenchResults): string {
  const { machine, versions, measuredAt, rounds } = results;
  const of = (record: Readonly<Record<string, string | number>>): string =>
    Object.entries(record)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ');
  const rows = modes.flatMap((mode) => {
    const durations = results.durationMs[mode];
    const ratios = results.ratios[mode];
    if (durations === undefined || ratios === undefined) return [];
    const times = subjects.map((subject) => {
      const { median: middle, min, max } = durations[subject];
      return `${seconds(middle)} (${seconds(min)}–${seconds(max)})`;
    });
    const by = rivals.map((rival) => {
      const ratio = ratios[rival];
      return ratio === undefined
        ? ''
        : `**${ratio.median.toFixed(2)}** (${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)})`;
    });
    return [`| ${[mode, ...times, ...by].join(' | ')} |`];
  });
  const memory = modes.flatMap((mode) =>
    subjects.flatMap((subject) => {
      const samples = samplesOf(results, mode, subject);
      if (samples.length === 0) return [];
      return [
        `| ${mode} | ${subject} | ${megabytes(samples.map(({ runnerBytes }) => runnerBytes))} | ${megabytes(samples.map(({ nodeBytes }) => nodeBytes))} | ${wholeSeconds(samples.map(({ nodeCpuSeconds }) => nodeCpuSeconds))} |`,
      ];
    }),
  );
  const parts = modes.flatMap((mode) =>
    subjects.flatMap((subject) => {
      const all = partsOf(results, mode, subject);
      if (all.length === 0) return [];
      return [
        `| ${mode} | ${subject} | ${all.map(({ title, durationMs }) => `${title} ${seconds(durationMs)}`).join(', ')} |`,
      ];
    }),
  );
  return [
    `Measured ${measuredAt.slice(0, 10)}, ${rounds} rounds: ${of(machine)}; ${of(versions)}. Medians, the smallest and the largest in brackets.`,
    [
      `|  | ${[...subjects, ...rivals.map((rival) => `suite / ${rival}`)].join(' | ')} |`,
      '| --- | --- | --- | --- | --- | --- |',
      ...rows,
    ].join('\n'),
    [
      '|  |  | runner, at most | node, at most | CPU of the node |',
      '| --- | --- | --- | --- | --- |',
      ...memory,
    ].join('\n'),
    ['|  |  | parts (medians) |', '| --- | --- | --- |', ...parts].join('\n'),
    earlierOf(results),
    '![Bars of each kind of run, by their parts](performance.svg)',
  ].join('\n\n');
}

function earlierOf({ earlier = [] }: BenchResults): string {
  const told = earlier.map(({ measuredAt, rounds, ratios }) => {
    const each = modes.flatMap((mode) => {
      const told = rivals.flatMap((rival) => {
        const ratio = ratios[mode]?.[rival];
        return ratio === undefined ? [] : `${ratio.median.toFixed(2)} of ${rival}`;
      });
      return told.length === 0 ? [] : `${mode} ${told.join(' and ')}`;
    });
    return `${measuredAt.slice(0, 16).replace('T', ' ')} (${rounds} rounds): ${each.join(', ')}`;
  });
  return told.length === 0 ? '' : `Ratios of earlier measurements: ${told.join('; ')}.`;
}

/** Bars of the medians, one a kind of run, cut into its parts; a dot for each run. */
export function plotOf(results: BenchResults): string {
  const bars = modes.flatMap((mode) =>
    subjects.flatMap((subject) => {
      const samples = samplesOf(results, mode, subject);
      return samples.length === 0
        ? []
        : [{ label: `${mode}, ${subject}`, samples, parts: partsOf(results, mode, subject) }];
    }),
  );
  const longest = Math.max(...results.samples.map(({ durationMs }) => durationMs));
  const [left, width, height] = [130, 640, 54];
  const x = (ms: number): number => left + (ms / longest) * width;
  const rows = bars.map(({ label, samples, parts }, row) => {
    const y = 12 + row * height;
    let at = 0;
    const cuts = parts.map(({ title, durationMs }, index) => {
      const from = at;
      at += durationMs;
      const box = `<rect x="${x(from).toFixed(1)}" y="${y}" width="${(x(at) - x(from)).toFixed(1)}" height="22" fill="${colour(index)}"><title>${title} ${seconds(durationMs)}</title></rect>`;
      const room = x(at) - x(from) > title.length * 6.5;
      return room ? `${box}<text x="${(x(from) + 3).toFixed(1)}" y="${y + 15}">${title}</text>` : box;
    });
    const dots = samples.map(
      ({ durationMs }) => `<circle cx="${x(durationMs).toFixed(1)}" cy="${y + 30}" r="3"/>`,
    );
    const middle = median(samples.map(({ durationMs }) => durationMs));
    return `<text x="4" y="${y + 15}">${label}</text>${cuts.join('')}${dots.join('')}<text x="${left}" y="${y + 34}">${seconds(middle)}</text>`;
  });
  const size = `viewBox="0 0 ${left + width + 20} ${24 + bars.length * height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="11">\n<rect width="100%" height="100%" fill="white"/>\n${rows.join('\n')}\n</svg>\n`;
}

function colour(index: number): string {
  return [
    '#8ecae6',
    '#ffd166',
    '#b5e48c',
    '#f4a261',
    '#cdb4db',
    '#a8dadc',
    '#e9c46a',
    '#90be6d',
    '#f28482',
    '#84a59d',
  ][index % 10] as string;
}

function samplesOf({ samples }: BenchResults, mode: Mode, subject: Subject): Sample[] {
  return samples.filter((sample) => sample.mode === mode && sample.subject === subject);
}

/** The median of each part, in the order of the first run. */
function partsOf(
  results: BenchResults,
  mode: Mode,
  subject: Subject,
): { title: string; durationMs: number }[] {
  const samples = samplesOf(results, mode, subject);
  const titles = samples[0]?.parts.map(({ title }) => title) ?? [];
  return titles.map((title) => ({
    title,
    durationMs: median(
      samples.flatMap(({ parts }) =>
        parts.filter((part) => part.title === title).map(({ durationMs }) => durationMs),
      ),
    ),
  }));
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function known(figures: readonly (number | undefined)[]): number[] {
  return figures.filter((figure) => figure !== undefined);
}

export function megabytes(figures: readonly (number | undefined)[]): string {
  const bytes = known(figures);
  return bytes.length === 0 ? 'not known' : `${Math.round(median(bytes) / 1e6)} MB`;
}

export function wholeSeconds(figures: readonly (number | undefined)[]): string {
  const all = known(figures);
  return all.length === 0 ? 'not known' : `${median(all).toFixed(0)} s`;
}

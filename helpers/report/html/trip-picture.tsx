import type { Hop, Label, Way } from './trip-hops.ts';

interface PictureProps {
  readonly way: Way;
  /** A missing or contradicting statement is drawn as a fault; of a step that passed it was meant to be so. */
  readonly faulty: boolean;
}

/** Sizes in the picture's own units, of which a character is at most so many high. */
const textSize = 12.5;
const smallest = 9.5;
const lineHeight = 17;
/** A monospaced character's width in parts of its height. */
const characterWidth = 0.61;

/** The trip from left to right, for a screen and for paper. */
export function WidePicture({ way, faulty }: PictureProps) {
  const width = 1080;
  const height = 122;
  const box = { width: 172, height: 100 };
  const gap = (width - 2 - box.width * way.hops.length) / Math.max(1, way.hops.length - 1);
  const left = (index: number): number => 1 + index * (box.width + gap);
  const middle = 11 + box.height / 2;
  return (
    <svg class="trip wide" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={described(way, faulty)}>
      {way.edges.map((labels, index) => {
        const from = left(index) + box.width;
        const to = left(index + 1);
        return (
          <g key={index} class={lineClass(way, index, faulty)}>
            <path d={`M${from + 4} ${middle}H${to - 5}`} />
            <path class="head" d={`M${to - 12} ${middle - 5}l8 5l-8 5z`} />
            {labels.map((label) => {
              const y = { from: middle - 11, to: middle + 21, bytes: middle + 39 }[label.what];
              return (
                <EdgeText
                  key={label.what}
                  {...{ label, y, faulty }}
                  x={(from + to) / 2}
                  width={to - from - 8}
                />
              );
            })}
          </g>
        );
      })}
      {way.hops.map((hop, index) => (
        <Box key={hop.who} {...{ hop, faulty }} x={left(index)} y={11} {...box} />
      ))}
    </svg>
  );
}

/** The trip from top to bottom, for a phone. */
export function TallPicture({ way, faulty }: PictureProps) {
  const width = 340;
  const box = { width: width - 2, height: 92 };
  const gap = 72;
  const top = (index: number): number => 1 + index * (box.height + gap);
  const height = top(way.hops.length - 1) + box.height + 2;
  return (
    <svg class="trip tall" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={described(way, faulty)}>
      {way.edges.map((labels, index) => {
        const from = top(index) + box.height;
        const to = top(index + 1);
        return (
          <g key={index} class={lineClass(way, index, faulty)}>
            <path d={`M28 ${from + 4}V${to - 5}`} />
            <path class="head" d={`M23 ${to - 12}l5 8l5 -8z`} />
            {labels.map((label, row) => {
              const y = (from + to) / 2 + 5 + (row - (labels.length - 1) / 2) * lineHeight;
              return <EdgeText key={label.what} {...{ label, y, faulty }} x={48} width={width - 60} start />;
            })}
          </g>
        );
      })}
      {way.hops.map((hop, index) => (
        <Box key={hop.who} {...{ hop, faulty }} x={1} y={top(index)} {...box} />
      ))}
    </svg>
  );
}

interface BoxProps {
  readonly hop: Hop;
  readonly faulty: boolean;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

function Box({ hop, faulty, x, y, width, height }: BoxProps) {
  const missing = hop.state === 'silent' && faulty;
  const says = hop.state === 'spoke' ? hop.says : [stateOf(hop), ...hop.says];
  return (
    <g class={`hop ${hop.state.replace(' ', '-')}${missing ? ' fault' : ''}`}>
      <rect x={x} y={y} width={width} height={height} rx="8" />
      <text class="name" x={x + 12} y={y + 23}>
        {missing ? `✗ ${hop.name}` : hop.name}
      </text>
      {says
        .flatMap((line) => wrapped(line, Math.floor((width - 20) / (11 * characterWidth))))
        .slice(0, 4)
        .map((line, row) => (
          <Fitted key={row} x={x + 12} y={y + 42 + row * lineHeight} width={width - 20} line={line} />
        ))}
    </g>
  );
}

interface EdgeTextProps {
  readonly label: Label;
  readonly faulty: boolean;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly start?: boolean;
}

function EdgeText({ label, faulty, x, y, width, start }: EdgeTextProps) {
  const { agreement } = label;
  const sign = { agreed: ' ✓', contradicted: ' ≠', told: '' }[agreement];
  const words = `${label.what === 'to' ? '→ ' : ''}${label.text}${sign}`;
  const wrong = agreement === 'contradicted' && faulty ? ' fault' : '';
  return (
    <Fitted
      {...{ x, y, width }}
      line={words}
      class={`${agreement}${wrong}`}
      anchor={start === true ? 'start' : 'middle'}
    />
  );
}

interface FittedProps {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly line: string;
  readonly class?: string;
  readonly anchor?: 'start' | 'middle';
}

/** A line as large as its place allows; beyond what can be read it is cut, and whole in the statements below. */
function Fitted({ x, y, width, line, class: name, anchor = 'start' }: FittedProps) {
  const most = Math.floor(width / (smallest * characterWidth));
  const characters = [...line];
  const shown = characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : line;
  const size = Math.max(
    smallest,
    Math.min(textSize, width / (Math.min(characters.length, most) * characterWidth)),
  );
  return (
    <text class={name} x={x} y={y} font-size={size.toFixed(1)} text-anchor={anchor}>
      {shown}
    </text>
  );
}

/** A long text in pieces that fit, parted where a reader would part it, and anywhere when there is no such place. */
export function wrapped(line: string, most: number): string[] {
  if (line.length <= most) return [line];
  const start = line.slice(0, most);
  const signs = [' ', '|', '/', '.', '-', ':'].map((one) => start.lastIndexOf(one));
  const sign = signs.find((at) => at >= most / 4);
  const at = sign === undefined ? most : sign + 1;
  return [line.slice(0, at).trimEnd(), ...wrapped(line.slice(at), most)];
}

function lineClass({ hops, edges }: Way, index: number, faulty: boolean): string {
  const untold = [hops[index], hops[index + 1]].some((hop) => hop?.state === 'silent');
  const wrong = edges[index]?.some(({ agreement }) => agreement === 'contradicted') === true;
  return `edge${untold ? ' untold' : ''}${faulty && (untold || wrong) ? ' fault' : ''}`;
}

function stateOf({ state }: Hop): string {
  return state === 'silent' ? 'no statement' : 'its log is not followed';
}

/** The picture in words. */
export function described({ hops, edges }: Way, faulty: boolean): string {
  const parts = hops.map((hop, index) => {
    const said = hop.state === 'spoke' ? hop.says.join(', ') : stateOf(hop);
    const missing = faulty && hop.state === 'silent' ? ' (missing)' : '';
    const labels = (edges[index] ?? []).map(({ what, text: value, agreement }) => {
      const sides = { agreed: ' (both sides agree)', contradicted: ' (contradicted)', told: '' }[agreement];
      return `${what === 'bytes' ? '' : `${what} `}${value}${sides}`;
    });
    const next =
      index === hops.length - 1 ? '' : ` → ${labels.length === 0 ? '' : `${labels.join(', ')} → `}`;
    return `${hop.name}: ${said}${missing}${next}`;
  });
  return parts.join('');
}

import type { Hop, Label, Way } from './trip-hops.ts';

interface PictureProps {
  readonly way: Way;
  /** A missing or contradicting statement is drawn as a fault; of a step that passed it was meant to be so. */
  readonly faulty: boolean;
}

/** Sizes in the picture's own units: about pixels on a screen, and two thirds of them on paper. */
const textSize = 12.5;
const smallest = 9.5;
const lineHeight = 16;
/** Between a box's edge and its text. */
const padding = 9;
/** A monospaced character's width in parts of its height. */
const characterWidth = 0.61;
/** Lines in a box below its name. */
const mostLines = 5;

/** The trip from left to right, for a screen and for paper. */
export function WidePicture({ way, faulty }: PictureProps) {
  const width = 1056;
  const boxWidth = 168;
  // At least the four lines that stand at an edge.
  const boxHeight = Math.max(86, ...way.hops.map((hop) => heightOf(hop, boxWidth)));
  const box = { width: boxWidth, height: boxHeight };
  const height = boxHeight + 2;
  const gap = (width - 2 - box.width * way.hops.length) / Math.max(1, way.hops.length - 1);
  const left = (index: number): number => 1 + index * (box.width + gap);
  const middle = 1 + box.height / 2;
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
              const y = { from: middle - 10, to: middle + 20, bytes: middle + 37 }[label.what];
              return (
                <EdgeText
                  key={label.what}
                  {...{ label, y, faulty }}
                  x={(from + to) / 2}
                  width={to - from - 6}
                />
              );
            })}
          </g>
        );
      })}
      {way.hops.map((hop, index) => (
        <Box key={hop.who} {...{ hop, faulty }} x={left(index)} y={1} {...box} />
      ))}
    </svg>
  );
}

/** The trip from top to bottom, for a phone. */
export function TallPicture({ way, faulty }: PictureProps) {
  const width = 340;
  const boxWidth = width - 2;
  const gap = 68;
  const boxes: { hop: Hop; top: number; bottom: number }[] = [];
  for (const hop of way.hops) {
    const top = (boxes.at(-1)?.bottom ?? 1 - gap) + gap;
    boxes.push({ hop, top, bottom: top + heightOf(hop, boxWidth) });
  }
  const height = (boxes.at(-1)?.bottom ?? 0) + 2;
  return (
    <svg class="trip tall" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={described(way, faulty)}>
      {way.edges.map((labels, index) => {
        const from = boxes[index]?.bottom ?? 0;
        const to = boxes[index + 1]?.top ?? 0;
        return (
          <g key={index} class={lineClass(way, index, faulty)}>
            <path d={`M28 ${from + 4}V${to - 5}`} />
            <path class="head" d={`M23 ${to - 12}l5 8l5 -8z`} />
            {labels.map((label, row) => {
              const y = (from + to) / 2 + 5 + (row - (labels.length - 1) / 2) * lineHeight;
              return <EdgeText key={label.what} {...{ label, y, faulty }} x={48} width={width - 60} tall />;
            })}
          </g>
        );
      })}
      {boxes.map(({ hop, top, bottom }) => (
        <Box key={hop.who} {...{ hop, faulty }} x={1} y={top} width={boxWidth} height={bottom - top} />
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
  return (
    <g class={`hop ${hop.state.replace(' ', '-')}${missing ? ' fault' : ''}`}>
      <rect x={x} y={y} width={width} height={height} rx="8" />
      <text class="name" x={x + padding} y={y + 22}>
        {missing ? `✗ ${hop.name}` : hop.name}
      </text>
      {linesOf(hop, width).map((line, row) => (
        <Fitted
          key={row}
          x={x + padding}
          y={y + 41 + row * lineHeight}
          width={width - 2 * padding}
          line={line}
        />
      ))}
    </g>
  );
}

/** What stands in a box below its name; what has no place there is whole in the statements below the picture. */
function linesOf(hop: Hop, width: number): string[] {
  const says = hop.state === 'spoke' ? hop.says : [stateOf(hop), ...hop.says];
  const most = Math.floor((width - 2 * padding) / (12 * characterWidth));
  const lines = says.flatMap((line) => wrapped(line, most));
  if (lines.length <= mostLines) return lines;
  return [...lines.slice(0, mostLines - 1), `${lines[mostLines - 1] ?? ''} …`];
}

function heightOf(hop: Hop, width: number): number {
  return 41 + (linesOf(hop, width).length - 1) * lineHeight + 12;
}

interface EdgeTextProps {
  readonly label: Label;
  readonly faulty: boolean;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  /** Beside an arrow that leads down: which end an address belongs to is told by its sign, not by its place. */
  readonly tall?: boolean;
}

function EdgeText({ label, faulty, x, y, width, tall = false }: EdgeTextProps) {
  const { agreement } = label;
  const sign = { agreed: ' ✓', contradicted: ' ≠', told: '' }[agreement];
  const words = `${tall && label.what === 'to' ? '→ ' : ''}${label.text}${sign}`;
  const wrong = agreement === 'contradicted' && faulty ? ' fault' : '';
  return (
    <Fitted
      {...{ x, y, width }}
      line={words}
      class={`${agreement}${wrong}`}
      anchor={tall ? 'start' : 'middle'}
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

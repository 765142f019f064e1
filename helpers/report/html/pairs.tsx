import type { Child } from 'hono/jsx';

interface PairsProps {
  readonly pairs: readonly (readonly [name: Child, value: Child])[];
  readonly class?: string;
}

/** Names and their values. */
export function Pairs({ pairs, class: name = 'pairs' }: PairsProps) {
  return (
    <dl class={name}>
      {pairs.map(([title, value], index) => (
        <div key={index}>
          <dt>{title}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

import type { Child } from 'hono/jsx';

/** Names and their values, below each other where the page is narrow. */
export function Pairs({ pairs }: { readonly pairs: readonly (readonly [name: string, value: Child])[] }) {
  return (
    <dl class="pairs">
      {pairs.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

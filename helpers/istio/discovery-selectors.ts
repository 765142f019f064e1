import { z } from 'zod';

/** `meshConfig.discoverySelectors`: Kubernetes label selectors, of which a namespace must fit one. None stand for every namespace. */
export const discoverySelectors = z.array(
  z.looseObject({
    matchLabels: z.record(z.string(), z.string()).default({}),
    matchExpressions: z
      .array(
        z.looseObject({
          key: z.string(),
          operator: z.string(),
          values: z.array(z.string()).default([]),
        }),
      )
      .default([]),
  }),
);
export type DiscoverySelector = z.infer<typeof discoverySelectors>[number];

type Labels = Readonly<Record<string, string>>;

/** Whether something with these labels fits a selector. */
export function isSelected(selector: DiscoverySelector, labels: Labels): boolean {
  return expressionsOf(selector).every((one) => fits(labels[one.key], [one]));
}

/** What an added label says where any value will do. */
const anyValue = 'conformance';

/**
 * Labels that make istiod look at namespaces which have these labels already and may get more.
 * @param namespaces Labels that cannot change, of each namespace, e.g. `kubernetes.io/metadata.name`
 * @returns the labels to add, the same for all, or for each selector why no label can fit it
 */
export function labelsForDiscovery(
  selectors: readonly DiscoverySelector[],
  namespaces: readonly Labels[],
): { readonly labels: Labels } | { readonly impossible: readonly string[] } {
  if (selectors.length === 0) return { labels: {} };
  const impossible: string[] = [];
  for (const selector of selectors) {
    const added = addedFor(selector, namespaces);
    if (typeof added !== 'string') return { labels: added };
    impossible.push(`${describe(selector)}: ${added}`);
  }
  return { impossible };
}

/** The labels, or why there are none. */
function addedFor(selector: DiscoverySelector, namespaces: readonly Labels[]): Labels | string {
  const expressions = expressionsOf(selector);
  const added: Record<string, string> = {};
  for (const key of new Set(expressions.map((one) => one.key))) {
    const ofKey = expressions.filter((one) => one.key === key);
    const odd = ofKey.find(({ operator }) => !operators.has(operator));
    if (odd !== undefined) return `operator ${odd.operator} is not known`;
    const has = namespaces.map((labels) => labels[key]).filter((value) => value !== undefined);
    if (has.length > 0) {
      const unfit = has.find((value) => !fits(value, ofKey));
      if (unfit !== undefined) return `a namespace has ${key}=${unfit}, which stays`;
      continue;
    }
    if (fits(undefined, ofKey)) continue;
    const candidates = [
      ...ofKey.flatMap(({ operator, values }) => (operator === 'In' ? values : [])),
      anyValue,
    ];
    const value = candidates.find((one) => fits(one, ofKey));
    if (value === undefined) return `no value of ${key} fits`;
    added[key] = value;
  }
  return added;
}

type Expression = DiscoverySelector['matchExpressions'][number];
const operators = new Set(['In', 'NotIn', 'Exists', 'DoesNotExist']);

function expressionsOf({ matchLabels, matchExpressions }: DiscoverySelector): Expression[] {
  return [
    ...Object.entries(matchLabels).map(([key, value]) => ({ key, operator: 'In', values: [value] })),
    ...matchExpressions,
  ];
}

/** As Kubernetes reads it: a label that is not there fits NotIn and DoesNotExist. */
function fits(value: string | undefined, expressions: readonly Expression[]): boolean {
  return expressions.every(({ operator, values }) => {
    switch (operator) {
      case 'In':
        return value !== undefined && values.includes(value);
      case 'NotIn':
        return value === undefined || !values.includes(value);
      case 'Exists':
        return value !== undefined;
      default:
        return value === undefined;
    }
  });
}

/** `team=a, env in (x, y)`, as kubectl writes selectors. */
function describe(selector: DiscoverySelector): string {
  const parts = [
    ...Object.entries(selector.matchLabels).map(([key, value]) => `${key}=${value}`),
    ...selector.matchExpressions.map(({ key, operator, values }) => {
      const list = values.join(', ');
      if (operator === 'In') return `${key} in (${list})`;
      if (operator === 'NotIn') return `${key} notin (${list})`;
      if (operator === 'Exists') return key;
      return operator === 'DoesNotExist' ? `!${key}` : `${key} ${operator} (${list})`;
    }),
  ];
  return parts.join(', ');
}

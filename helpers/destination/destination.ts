import type { ParentProxy } from './parent.ts';

/** What the document's request asks for, and where it really goes. */
export interface Destination {
  /** The document's real page, a site of the user's, or a server of our own. */
  readonly kind: 'live' | 'given' | 'hermetic';
  /** Why this kind was chosen, for the user. */
  readonly because: string;
  readonly url: string;
  readonly title: string;
  /** PEM of a CA that the clients are given to trust: the hermetic origin's, or the user's. */
  readonly ca: string | undefined;
  /** The proxy that Squid itself needs to reach the destination. */
  readonly parent?: ParentProxy;
  /** The hermetic origin's pod, whose access log is a witness. */
  readonly origin:
    | { readonly namespace: string; readonly pod: string; readonly container: string; readonly ip: string }
    | undefined;
}

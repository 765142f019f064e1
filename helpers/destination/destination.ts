/** What the document's request asks for, and where it really goes. */
export interface Destination {
  readonly kind: 'live' | 'hermetic';
  /** Why this kind was chosen, for the user. */
  readonly because: string;
  readonly url: string;
  readonly title: string;
  /** PEM of the CA that signed the hermetic origin's certificate. */
  readonly ca: string | undefined;
  /** The hermetic origin's pod, whose access log is a witness. */
  readonly origin:
    | { readonly namespace: string; readonly pod: string; readonly container: string; readonly ip: string }
    | undefined;
}

/** The document's request. */
export const documentUrl = 'https://en.wikipedia.org/wiki/Main_Page';
/** The document's proof that it arrived. */
export const documentTitle = 'Wikipedia, the free encyclopedia';

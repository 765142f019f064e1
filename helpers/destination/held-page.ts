/** Path of the page that the hermetic destination sends as slowly as the request asks. */
export const heldPath = '/held';
/** How many times a header of its answer repeats the padding that the request asks for. */
export const paddingRepeats = 8;

/** Where the hermetic destination hands out its page as slowly as it is asked to. */
export const heldPath = '/held';
/** It repeats the padding that it is asked for so often in a header of its answer. */
export const paddingRepeats = 8;

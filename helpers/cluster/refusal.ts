/** Engine errors by HTTP status, as dockerode throws them. */
export const apiRefusal = {
  status(error: unknown): number | undefined {
    if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
    return typeof error.statusCode === 'number' ? error.statusCode : undefined;
  },

  /** Waits for the work; a refusal with one of these statuses counts as done (it was gone already). */
  async ignore(statuses: readonly number[], work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      const status = apiRefusal.status(error);
      if (status === undefined || !statuses.includes(status)) throw error;
    }
  },
};

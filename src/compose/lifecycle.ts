/** Leaves what is to be done at a stop; what was left last is done first. */
export type OnStop = (stop: () => Promise<unknown>) => void;

/** Registers a function to run at shutdown. The functions run in reverse order of registration. */
export type OnStop = (stop: () => Promise<unknown>) => void;

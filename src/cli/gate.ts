/** `motion-gateway gate`: shows the state of the upstream's gate, or opens it. */
import { createJobStore } from '../db/stores.ts';
import { CommandError, print, type Command } from './command.ts';
import { readDatabaseSettings, withDatabase } from './database.ts';

const HELP = `Usage: motion-gateway gate status | resume

  status   shows whether jobs are submitted to the upstream, and if not, why and for how long
  resume   opens the gate immediately, for example after the balance was topped up`;

export const gate: Command = {
  help: HELP,
  options: [],
  async run(input) {
    const [action, ...rest] = input.positionals;
    if ((action !== 'status' && action !== 'resume') || rest.length > 0) throw new CommandError(HELP, 2);
    const config = readDatabaseSettings();
    const id = config.UPSTREAM_ID;
    await withDatabase(config, async (connections) => {
      const store = createJobStore(connections);
      if (action === 'resume') await store.transaction((tx) => store.resumeGate(tx, id));
      const found = await store.findGate(id);
      const reason = found?.reason ?? null;
      const pausedForMs = found && reason !== null ? Math.max(found.pausedForMs, 0) : 0;
      const probe = found && reason !== null ? found.probe : null;
      const line =
        reason === null
          ? `The gate of ${id} is open.`
          : pausedForMs > 0
            ? `The gate of ${id} is shut for ${Math.ceil(pausedForMs / 1_000)} s: ${reason}. Then ${probe === 'LOOK_UP' ? 'a look-up' : 'one job'} probes it.`
            : `The gate of ${id} is being probed: ${reason}.`;
      print(
        input,
        {
          upstream: id,
          state: reason === null ? 'OPEN' : pausedForMs > 0 ? 'SHUT' : 'PROBING',
          reason,
          pausedForMs,
          probe,
        },
        [line],
      );
    });
    return 0;
  },
};

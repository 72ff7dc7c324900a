/** `motion-gateway check-config`: checks the settings without starting a gateway. */
import { ConfigError } from '../config.ts';
import { CommandError, print, type Command } from './command.ts';
import { readEnvironment } from './environment.ts';

const HELP = `Usage: motion-gateway check-config

Checks the settings in the same way as a start of the gateway, and reports every problem. Exits with 0 if they are valid,
and with 1 otherwise. Opens no connection and prints no secret.`;

export const checkConfig: Command = {
  help: HELP,
  options: [],
  async run(input) {
    if (input.positionals.length > 0) throw new CommandError(HELP, 2);
    try {
      const { config, warnings } = readEnvironment();
      const upstream = config.UPSTREAM === 'sandbox' ? 'the sandbox' : config.ACEDATA_BASE_URL;
      print(input, { valid: true, problems: [], warnings }, [
        ...warnings,
        `The settings are valid: ${config.DATABASE_URL ? 'the database of DATABASE_URL' : `an embedded database in ${config.DATA_DIR}`}, upstream ${upstream}.`,
      ]);
      return 0;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      print(input, { valid: false, problems: error.problems, warnings: [] }, error.problems);
      return 1;
    }
  },
};

/** Presents the figures of a run as one object, and as the table in `docs/reliability.md`. */
import { promisesOf } from './checker/figures.ts';
import { partOf } from '../harness/page.ts';
import type { ScenarioResult } from './scenario.ts';

type Run = ScenarioResult & { readonly seed: string; readonly commit: string; readonly mode: string };
export type Summary = ReturnType<typeof summarise>;

export function summarise({ seed, commit, mode, seconds, injected, figures, violations, failures }: Run) {
  return { seed, commit, mode, seconds, injected, ...figures, ...promisesOf(violations), failures: failures.length };
}

export const writeReport = (summary: Summary): void => partOf('chaos').write(tableOf(summary));

const inWords = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, number]) => `${name} ${number.toLocaleString('en')}`)
    .join(', ');

function tableOf(summary: Summary): string {
  const { injected, seconds } = summary;
  const rows: readonly (readonly [string, string | number])[] = [
    [
      'run',
      `${summary.mode}, seed ${summary.seed}, commit ${summary.commit}, ${Math.round(seconds.start + seconds.load + seconds.settle)} s`,
    ],
    ['jobs', summary.jobs],
    ['gateways killed', `${injected.gatewayKills}, ready again after ${injected.slowestGatewayMs} ms at most`],
    ['crashes at kill points', inWords(injected.killPoints)],
    ['PostgreSQL killed', `${injected.databaseKills}, back after ${injected.slowestDatabaseMs} ms at most`],
    ['database connections cut', injected.connectionCuts],
    [
      'LISTEN connections silenced; all connections but that of LISTEN silenced',
      `${injected.silentFeeds}; ${injected.silentDatabases}`,
    ],
    ['times that the upstream refused connections', injected.refusals],
    ['requests of clients, by end', inWords(summary.operations)],
    ['submits, by what the upstream did', inWords(summary.submits)],
    ['callbacks', inWords(summary.callbacks)],
    ['callbacks, by answer', inWords(summary.callbackAnswers)],
    ['ends of jobs', inWords(summary.ends)],
    ['source of the end', inWords(summary.settledBy)],
    ['jobs whose submit was not properly answered, by end', inWords(summary.unknownSubmits)],
    ['watches', inWords(summary.watches)],
    ['**lost**', summary.lost],
    ['**duplicated**', summary.duplicated],
    ['**wrong ends**', summary.wrong],
    ['**orphan tasks**', summary.orphans],
    ['**still unknown at the end**', summary.unknownAtEnd],
    ['**quota entries or balances that are wrong**', summary.quota],
    ['**ends that webhooks reported never, twice or wrongly**', summary.webhooks],
    ['**watches that returned an older version, hung or ended wrongly**', summary.watching],
  ];
  return [
    '| | |',
    '| --- | --- |',
    ...rows.map(([name, value]) => `| ${name} | ${typeof value === 'number' ? value.toLocaleString('en') : value} |`),
  ].join('\n');
}

/**
 * Mutation testing of the code without I/O: `npm run test:mutation`. Stryker changes the code in one place at a time,
 * and the unit tests have to notice it.
 */
export default {
  packageManager: 'npm',
  plugins: ['@stryker-mutator/vitest-runner'],
  testRunner: 'vitest',
  vitest: { configFile: 'vitest.unit.config.ts', related: true },
  coverageAnalysis: 'perTest',
  mutate: [
    'src/accounts/{account,account-rules,api-key,caller,client-token,explain-refusal,limits,quota,share-reads,unknown-keys}.ts',
    'src/egress/{host-slots,reach}.ts',
    'src/network/*.ts',
    'src/time/*.ts',
    'src/{origins,resembling-settings,setting-values}.ts',
    'src/http/{address,admission,count-repeats,credentials,explain-value,handshake,host-check,idempotency-header,idempotency-key,mask-errors,operation-gate,operation-values,origin-check,slots,subscription-ids}.ts',
    'src/http/rest/{answer-evidence,failure-codes,motion-request,refusals,task-of-job}.ts',
    'src/jobs/{deadline-failure,decide,delta,earlier-request,gate,input-rules,job,limit-reads,list,mailbox,outlook,poll-schedule,public-address,snapshot,spent-key,timeline,view}.ts',
    'src/upstream/{callback-body,callback-url,outcome,redact}.ts',
    'src/upstream/wire/*.ts',
    'src/webhooks/{payload,schedule,seal,sign}.ts',
  ],
  ignorePatterns: ['/assets', '/dist', '/docs', '/web', '/proving', '/migrations', '/coverage', '/reports'],
  concurrency: 2,
  timeoutMS: 10_000,
  thresholds: { high: 95, low: 90, break: 90 },
  reporters: ['clear-text', 'progress-append-only', 'json', 'html'],
  jsonReporter: { fileName: 'reports/mutation/mutation.json' },
  htmlReporter: { fileName: 'reports/mutation/mutation.html' },
  clearTextReporter: { allowColor: false, allowEmojis: false, logTests: false },
  tempDirName: '.stryker-tmp',
  checkers: [],
};

/** The table of all settings, by subject. `docs/settings.md` is generated from it. */
import { accountSettings } from './groups/accounts.ts';
import { browserSettings } from './groups/browsers.ts';
import { databaseSettings } from './groups/database.ts';
import { loadSettings } from './groups/load.ts';
import { operationSettings } from './groups/operations.ts';
import { processSettings } from './groups/process.ts';
import { restSettings } from './groups/rest.ts';
import { retentionSettings } from './groups/retention.ts';
import { socketSettings } from './groups/sockets.ts';
import { upstreamSettings } from './groups/upstream.ts';
import { webhookSettings } from './groups/webhooks.ts';
import type { Setting } from './setting.ts';

/** Settings by the heading under which the documentation lists them. */
export const settingGroups: Readonly<Record<string, Readonly<Record<string, Setting<unknown>>>>> = {
  'Process and addresses': processSettings,
  Database: databaseSettings,
  Upstream: upstreamSettings,
  'Keys and accounts': accountSettings,
  'Pages, browsers and hosts': browserSettings,
  Retention: retentionSettings,
  Webhooks: webhookSettings,
  'Limits of operations': operationSettings,
  'Overload protection': loadSettings,
  'REST interface': restSettings,
  'WebSockets and subscriptions': socketSettings,
};

/** All settings, by the name of their environment variable. */
export const settings = {
  ...processSettings,
  ...databaseSettings,
  ...upstreamSettings,
  ...accountSettings,
  ...browserSettings,
  ...retentionSettings,
  ...webhookSettings,
  ...operationSettings,
  ...loadSettings,
  ...restSettings,
  ...socketSettings,
};

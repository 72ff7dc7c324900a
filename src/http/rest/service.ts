/** Serves the vendor's routes with the cores: a submit accepts a job, and a task is a job. */
import { permit, permitAllJobs, type Caller } from '../../accounts/caller.ts';
import { UnauthenticatedError } from '../../accounts/errors.ts';
import { networkOf } from '../../network/client-address.ts';
import type { UpstreamService } from '../../upstream/acedata/wire/routes.ts';
import { ACCOUNT_HEADER, takeRequest } from '../rate-limit-headers.ts';
import { noteOn } from '../request-notes.ts';
import { runInSlot } from './admission-slot.ts';
import { describe, toPartialRequest } from './motion-request.ts';
import { toRefusal } from './refusals.ts';
import { createSubmit, keyHeaderOf, type SubmitDeps } from './submit.ts';
import { createTaskReads } from './task-reads.ts';

export function createRestService(deps: SubmitDeps): UpstreamService<Caller> {
  const {
    cores: { jobs, accounts },
    rejoin,
    admission,
    log,
  } = deps;
  const { findOne, findMany, listWindow } = createTaskReads(jobs, rejoin);

  /** Wraps an operation so that every error of a core is sent with one of the vendor's codes. */
  const withVendorErrors =
    <Args extends unknown[], T>(work: (...args: Args) => Promise<T>) =>
    (...args: Args): Promise<T> =>
      work(...args).catch((error: unknown) => {
        throw toRefusal(error, log);
      });

  return {
    authenticate: withVendorErrors(async (_token, { action, request, reply }) => {
      const { authorization, [ACCOUNT_HEADER]: namedAccount } = request.headers;
      const caller = await accounts.authenticate(authorization, namedAccount, networkOf(request.ip));
      if (!caller || caller.kind === 'anonymous')
        throw new UnauthenticatedError(await accounts.explainRefusal(authorization));
      if (caller.accountId !== null) noteOn(request, { accountId: caller.accountId });
      const over = await takeRequest(accounts.limits, caller, request, reply);
      if (over) throw over;
      if (action === 'submit') permitAllJobs(caller, 'jobs:write');
      else permit(caller, 'jobs:read');
      return caller;
    }),
    submit: withVendorErrors(createSubmit(deps)),
    findViolations: (body, headers) => jobs.check(toPartialRequest(body, keyHeaderOf(headers))).map(describe),
    retrieve: withVendorErrors(async (caller, taskId) => {
      const accountId = permit(caller, 'jobs:read');
      return runInSlot(admission, 'read', undefined, () => findOne(caller, accountId, taskId));
    }),
    retrieveBatch: withVendorErrors(async (caller, lookUp) => {
      const accountId = permit(caller, 'jobs:read');
      return runInSlot(admission, 'read', undefined, () =>
        lookUp.kind === 'ids' ? findMany(caller, accountId, lookUp.taskIds) : listWindow(caller, accountId, lookUp),
      );
    }),
  };
}

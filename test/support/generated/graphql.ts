/* eslint-disable */
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
export type Maybe<T> = T | null;
export type InputMaybe<T> = T | null | undefined;
export type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
export type MakeOptional<T, K extends keyof T> = Omit<T, K> & { [SubKey in K]?: Maybe<T[SubKey]> };
export type MakeMaybe<T, K extends keyof T> = Omit<T, K> & { [SubKey in K]: Maybe<T[SubKey]> };
export type MakeEmpty<T extends { [key: string]: unknown }, K extends keyof T> = { [_ in K]?: never };
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** A date-time string at UTC, such as 2007-12-03T10:15:30Z, compliant with the `date-time` format outlined in section 5.6 of the RFC 3339 profile of the ISO 8601 standard for representation of dates and times using the Gregorian calendar. */
  DateTime: { input: string; output: string; }
  /** An absolute URL that begins with `http://` or `https://` and has at most 2,048 characters. In input, it is checked together with the other rules of the field; a violation is an entry of `userErrors`. */
  URL: { input: string; output: string; }
};

/** An owner of jobs, API keys and a quota; usually a team. */
export type Account = {
  __typename?: 'Account';
  /** The time when the account was created. */
  createdAt: Scalars['DateTime']['output'];
  /** The account's email address, which is not verified; null if none was given. */
  email?: Maybe<Scalars['String']['output']>;
  /** The account's id. */
  id: Scalars['ID']['output'];
  /** The account's display name. */
  name: Scalars['String']['output'];
  /** The account's quota: its limits, and how much of them is used. */
  quota: Quota;
  /** The account's status, which determines whether it can be used. */
  status: AccountStatus;
};

/** A page of accounts, newest first. */
export type AccountConnection = {
  __typename?: 'AccountConnection';
  /** The accounts on the page. */
  nodes: Array<Account>;
  /** The position of the page in the list of accounts. */
  pageInfo: PageInfo;
};

/** An account and the changes to its quota. */
export type AccountQuotaInput = {
  /** The account's id. */
  id: Scalars['ID']['input'];
  /** The maximum number of jobs that can be accepted in a month (UTC). Null removes the limit; if omitted, the limit is unchanged. */
  monthlyLimit?: InputMaybe<Scalars['Int']['input']>;
  /** The maximum number of jobs that can be used in total. Null removes the limit; if omitted, the limit is unchanged. */
  quotaLimit?: InputMaybe<Scalars['Int']['input']>;
};

/** The status of an account, which determines whether the account can be used. More values may be added: treat an unknown value as a new kind of the same thing. */
export type AccountStatus =
  /** The account is active. */
  | 'ACTIVE'
  /** The account is disabled: all of its keys and tokens are rejected. Its existing jobs continue to run. */
  | 'DISABLED'
  /** The account is awaiting approval by an administrator. It can be accessed, but no job is accepted. */
  | 'PENDING';

/** The applicant for access. */
export type AcquireAccessInput = {
  /** The applicant's email address, at most 254 characters. */
  email: Scalars['String']['input'];
  /** The display name of the new account, at most 100 characters. */
  name: Scalars['String']['input'];
};

/** The result of an application for access. */
export type AcquireAccessPayload = {
  __typename?: 'AcquireAccessPayload';
  /** The new account. If its status is PENDING, it is awaiting approval by an administrator. */
  account?: Maybe<Account>;
  /** The API key of the new account. It is shown only once and cannot be retrieved again. */
  key?: Maybe<Scalars['String']['output']>;
  /** All violations in the input; empty if the application succeeded. */
  userErrors: Array<UserError>;
};

/** An API key of an account, without the secret key itself. */
export type ApiKey = {
  __typename?: 'ApiKey';
  /** The time when the API key was created. */
  createdAt: Scalars['DateTime']['output'];
  /** The time from which the API key is rejected; null if it never expires. */
  expiresAt?: Maybe<Scalars['DateTime']['output']>;
  /** The API key's id. */
  id: Scalars['ID']['output'];
  /** The last four characters of the API key, to tell keys apart. */
  lastFour: Scalars['String']['output'];
  /** The time when the API key was last used, accurate to within a minute; null if it was never used. */
  lastUsedAt?: Maybe<Scalars['DateTime']['output']>;
  /** The API key's display name. */
  name: Scalars['String']['output'];
  /** The time when the API key was revoked, from which it is rejected; null if it was not revoked. */
  revokedAt?: Maybe<Scalars['DateTime']['output']>;
  /** The scopes of the API key: the permissions that it grants. */
  scopes: Array<Scope>;
};

/** The verdict on a callback. More values may be added: treat an unknown value as a new kind of the same thing. */
export type CallbackVerdict =
  /** The callback changed the job. */
  | 'APPLIED'
  /** A look-up at the upstream confirmed that the task of the callback belongs to the job. */
  | 'CONFIRMED'
  /** The callback contradicted the settled outcome of the job and changed nothing. */
  | 'CONTRADICTED'
  /** The callback is not trusted by itself and must be confirmed by a look-up at the upstream. */
  | 'PENDING'
  /** A look-up at the upstream showed that the task of the callback does not belong to the job. */
  | 'REFUTED'
  /** The callback contained nothing new. */
  | 'REPEATED'
  /** The callback could not be processed. It is kept, and the upstream is queried. */
  | 'SET_ASIDE';

/** The job to cancel. */
export type CancelMotionJobInput = {
  /** The job's id. */
  id: Scalars['ID']['input'];
};

/** The result of a request to cancel a job. */
export type CancelMotionJobPayload = {
  __typename?: 'CancelMotionJobPayload';
  /** The job in its current state; null if there is no such job. */
  job?: Maybe<MotionJob>;
  /** The reasons why the job was not canceled; empty if it is canceled, by this or an earlier request. */
  userErrors: Array<UserError>;
};

/** The job cannot be canceled, or not at this time. */
export type CancelRefused = UserError & {
  __typename?: 'CancelRefused';
  /** The code of the error, for programs to branch on. */
  code: UserErrorCode;
  /** The path of the argument that the error concerns, such as `["input", "labels", "0", "key"]`; null if it concerns no single argument. */
  field?: Maybe<Array<Scalars['String']['output']>>;
  /** The error in human-readable form, not to be parsed. */
  message: Scalars['String']['output'];
};

/** The result of changing an account. */
export type ChangeAccountPayload = {
  __typename?: 'ChangeAccountPayload';
  /** The account in its current state; null if `userErrors` has entries. */
  account?: Maybe<Account>;
  /** All violations in the input; empty if the account was changed. */
  userErrors: Array<UserError>;
};

/** The input that determines the orientation of the character. More values may be added: treat an unknown value as a new kind of the same thing. */
export type CharacterOrientation =
  /** The orientation of the image. The motion video may last 3 to 10 seconds. */
  | 'IMAGE'
  /** The orientation of the motion video, which may last 3 to 30 seconds. */
  | 'VIDEO';

/** The charge of the upstream for a failed job, as far as it is known. More values may be added: treat an unknown value as a new kind of the same thing. */
export type ChargeStatus =
  /** The job was charged. */
  | 'CHARGED'
  /** The job was not charged. */
  | 'NOT_CHARGED'
  /** It is not known whether the job was charged: the upstream may have done the work. */
  | 'POSSIBLY_CHARGED';

/** The account to create. */
export type CreateAccountInput = {
  /** The email address of the account, at most 254 characters. */
  email?: InputMaybe<Scalars['String']['input']>;
  /** The maximum number of jobs that can be accepted in a month (UTC); there is no limit if it is omitted. */
  monthlyLimit?: InputMaybe<Scalars['Int']['input']>;
  /** The display name of the account, at most 100 characters. */
  name: Scalars['String']['input'];
  /** The maximum number of jobs that can be used in total; there is no limit if it is omitted. */
  quotaLimit?: InputMaybe<Scalars['Int']['input']>;
};

/** The result of creating an account. */
export type CreateAccountPayload = {
  __typename?: 'CreateAccountPayload';
  /** The new account; null if `userErrors` has entries. */
  account?: Maybe<Account>;
  /** The account's first API key. It is shown only once and cannot be retrieved again. */
  key?: Maybe<Scalars['String']['output']>;
  /** All violations in the input; empty if the account was created. */
  userErrors: Array<UserError>;
};

/** The API key to create. */
export type CreateApiKeyInput = {
  /** The time when the API key expires; it never expires if this is omitted. */
  expiresAt?: InputMaybe<Scalars['DateTime']['input']>;
  /** The display name of the API key, at most 100 characters. */
  name: Scalars['String']['input'];
  /** The scopes of the API key: the permissions that it grants. */
  scopes: Array<Scope>;
};

/** The client token to create, for use in a browser. */
export type CreateClientTokenInput = {
  /** The ids of the jobs that the client token can read, 1 to 100; if omitted, it can read all jobs of the account. */
  jobIds?: InputMaybe<Array<Scalars['ID']['input']>>;
  /** The scopes of the client token: at most those of the API key, and never ACCOUNT_ADMIN. */
  scopes: Array<Scope>;
  /** The lifetime of the client token in seconds, 60 to 3,600. */
  ttlSeconds?: Scalars['Int']['input'];
};

/** The result of creating a client token. */
export type CreateClientTokenPayload = {
  __typename?: 'CreateClientTokenPayload';
  /** The time when the client token expires. At that time, the sockets that were opened with it are closed with 4403: fetch a new token, and subscribe again with `afterVersion` or the cursor. */
  expiresAt?: Maybe<Scalars['DateTime']['output']>;
  /** The client token: a JWT that is sent like an API key, as "Authorization: Bearer <token>", and as `authorization` in the payload of `connection_init`. */
  token?: Maybe<Scalars['String']['output']>;
  /** All violations in the input; empty if the client token was created. */
  userErrors: Array<UserError>;
};

/** The webhook endpoint to create. */
export type CreateWebhookEndpointInput = {
  /** The types of events that the endpoint receives. */
  eventTypes?: Array<WebhookEventType>;
  /** The URL to which webhooks are sent, at most 2,048 characters. The host must be public, unless the operator allows others; redirects are not followed. */
  url: Scalars['URL']['input'];
};

/** The job to delete. */
export type DeleteMotionJobInput = {
  /** The job's id. */
  id: Scalars['ID']['input'];
};

/** The result of a request to delete a job. */
export type DeleteMotionJobPayload = {
  __typename?: 'DeleteMotionJobPayload';
  /** The id of the deleted job; null if `userErrors` has entries. */
  deletedId?: Maybe<Scalars['ID']['output']>;
  /** The reasons why the job was not deleted; empty if it was deleted. NOT_FOUND for an unknown job, a job that was already deleted, and a job of another account; NOT_TERMINAL for a job that has not ended. */
  userErrors: Array<UserError>;
};

/** The job cannot be deleted, or not at this time. */
export type DeleteRefused = UserError & {
  __typename?: 'DeleteRefused';
  /** The code of the error, for programs to branch on. */
  code: UserErrorCode;
  /** The path of the argument that the error concerns, such as `["input", "labels", "0", "key"]`; null if it concerns no single argument. */
  field?: Maybe<Array<Scalars['String']['output']>>;
  /** The error in human-readable form, not to be parsed. */
  message: Scalars['String']['output'];
};

/** The result of deleting a webhook endpoint. */
export type DeleteWebhookEndpointPayload = {
  __typename?: 'DeleteWebhookEndpointPayload';
  /** The id of the deleted endpoint, whose pending deliveries have been stopped; null if `userErrors` has entries. */
  deletedId?: Maybe<Scalars['ID']['output']>;
  /** The reasons why the endpoint was not deleted; empty if it was deleted. */
  userErrors: Array<UserError>;
};

/** The account to disable. */
export type DisableAccountInput = {
  /** The account's id. */
  id: Scalars['ID']['input'];
};

/** The input for a video: a character from an image, a motion from a video, and options. */
export type GenerateMotionInput = {
  /** The input that determines the orientation of the character. */
  characterOrientation?: CharacterOrientation;
  /** The idempotency key: 1 to 255 visible ASCII characters, unique for each job that you want. A request with the same key and the same input returns the existing job instead of creating another; a request with the same key and a different input is rejected. After the job is deleted, its key remains reserved for a while (by default 30 days), and a request with the same input is rejected with JOB_DELETED. The header `Idempotency-Key` has the same effect for an operation with exactly one `generateMotion`; in the header, `"k"`, a string as defined by RFC 8941, is the key `k`. */
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The URL of the image of the character: JPG, JPEG or PNG, at most 50 MB, each side at least 300 pixels, aspect ratio between 1:2.5 and 2.5:1. The upstream fetches the image, so the host must be public. The URL must not contain a user name or password. It is stored and passed on exactly as it was sent. A path that ends in the extension of another format is rejected. */
  imageUrl: Scalars['URL']['input'];
  /** True to keep the sound of the motion video. */
  keepOriginalSound?: Scalars['Boolean']['input'];
  /** The client's own labels for the job, by which jobs can be filtered; at most 16. */
  labels?: InputMaybe<Array<LabelInput>>;
  /** The quality of the generated video. */
  mode?: MotionMode;
  /** The name of a model of the upstream, such as `kling-v2-6` or `kling-v3`: 1 to 64 characters from `a-z`, `0-9`, `.`, `_`, `-`. If omitted, the upstream chooses the model. */
  model?: InputMaybe<Scalars['String']['input']>;
  /** The prompt: a text description of the scene beyond the motion, at most 2,500 characters. */
  prompt?: InputMaybe<Scalars['String']['input']>;
  /** The URL of the video of the motion: MP4 or MOV, at most 100 MB, each side 340 to 3,850 pixels, one continuous shot of 3 to 10 seconds (orientation IMAGE) or 3 to 30 seconds (orientation VIDEO). The upstream fetches the video, so the host must be public. The URL must not contain a user name or password. It is stored and passed on exactly as it was sent. A path that ends in the extension of another format is rejected. */
  videoUrl: Scalars['URL']['input'];
  /** True to add a watermark to the generated video. */
  watermark?: Scalars['Boolean']['input'];
  /** The URL that receives a webhook when the job ends (succeeded, failed or canceled), in addition to the account's endpoints. The webhook is signed with the secret that `webhookSecret` returns. The host must be public, unless the operator allows others; redirects are not followed. */
  webhookUrl?: InputMaybe<Scalars['URL']['input']>;
};

/** The result of a request to generate a video. */
export type GenerateMotionPayload = {
  __typename?: 'GenerateMotionPayload';
  /** The job; null if `userErrors` has entries. The job is committed: whatever happens, it exists and reaches an end. */
  job?: Maybe<MotionJob>;
  /** True if the idempotency key was used before with the same input: `job` is then the existing job in its current state. */
  replayed: Scalars['Boolean']['output'];
  /** All errors of the request. If there are any, nothing was stored or spent. */
  userErrors: Array<UserError>;
};

/** The idempotency key was used before with a different input. */
export type IdempotencyKeyReused = UserError & {
  __typename?: 'IdempotencyKeyReused';
  /** The code of the error, for programs to branch on. */
  code: UserErrorCode;
  /** The path of the argument that the error concerns, such as `["input", "labels", "0", "key"]`; null if it concerns no single argument. */
  field?: Maybe<Array<Scalars['String']['output']>>;
  /** The error in human-readable form, not to be parsed. */
  message: Scalars['String']['output'];
};

/** A field of the input violates a rule. One response reports all violations. */
export type InvalidInput = UserError & {
  __typename?: 'InvalidInput';
  /** The code of the error, for programs to branch on. */
  code: UserErrorCode;
  /** The path of the argument that the error concerns, such as `["input", "labels", "0", "key"]`; null if it concerns no single argument. */
  field?: Maybe<Array<Scalars['String']['output']>>;
  /** The error in human-readable form, not to be parsed. */
  message: Scalars['String']['output'];
};

/** The result of creating or rotating an API key. */
export type IssueApiKeyPayload = {
  __typename?: 'IssueApiKeyPayload';
  /** The stored record of the new API key, without the key itself. */
  apiKey?: Maybe<ApiKey>;
  /** The new API key itself. It is shown only once and cannot be retrieved again. */
  key?: Maybe<Scalars['String']['output']>;
  /** All violations in the input; empty if the API key was issued. */
  userErrors: Array<UserError>;
};

/** The job that was created with this idempotency key and the same input was deleted. */
export type JobDeleted = UserError & {
  __typename?: 'JobDeleted';
  /** The code of the error, for programs to branch on. */
  code: UserErrorCode;
  /** The path of the argument that the error concerns, such as `["input", "labels", "0", "key"]`; null if it concerns no single argument. */
  field?: Maybe<Array<Scalars['String']['output']>>;
  /** The error in human-readable form, not to be parsed. */
  message: Scalars['String']['output'];
};

/** An event in the timeline of a job: an action of the gateway, or information that it received. */
export type JobEvent = {
  __typename?: 'JobEvent';
  /** The time when the event was recorded. */
  at: Scalars['DateTime']['output'];
  /** The number of the attempt to submit the job, counted from 1; null if the event concerns no attempt. */
  attempt?: Maybe<Scalars['Int']['output']>;
  /** The HTTP status of the upstream's answer, for an ATTEMPT_ENDED event; null if there was no answer. */
  httpStatus?: Maybe<Scalars['Int']['output']>;
  /** The event's id: opaque, unique and stable. Events are ordered by their position in the list, not by their id. */
  id: Scalars['ID']['output'];
  /** Human-readable details of the event, not to be parsed. */
  message?: Maybe<Scalars['String']['output']>;
  /** The state to which the event moved the job; null if the state did not change. */
  state?: Maybe<MotionJobState>;
  /** How the attempt to submit the job ended; null unless the type is ATTEMPT_ENDED. */
  submitEnd?: Maybe<SubmitEnd>;
  /** The type of the event. */
  type: JobEventType;
  /** The upstream's trace id, which the upstream's support asks for; null if there is none. */
  upstreamTraceId?: Maybe<Scalars['String']['output']>;
  /** The verdict on the callback; null unless the type is CALLBACK or CLAIM_JUDGED. */
  verdict?: Maybe<CallbackVerdict>;
  /** The job's version after the event. */
  version: Scalars['Int']['output'];
};

/** A page of a job's timeline, oldest event first. */
export type JobEventConnection = {
  __typename?: 'JobEventConnection';
  /** The events on the page, with their cursors. */
  edges: Array<JobEventEdge>;
  /** The events on the page, without their cursors. */
  nodes: Array<JobEvent>;
  /** The position of the page in the timeline. */
  pageInfo: PageInfo;
};

/** An event in a timeline, with its cursor. */
export type JobEventEdge = {
  __typename?: 'JobEventEdge';
  /** The event's cursor: opaque, and still valid after events are added. */
  cursor: Scalars['String']['output'];
  /** The event. */
  node: JobEvent;
};

/** The type of an event of a job. More values may be added: treat an unknown value as a new kind of the same thing. */
export type JobEventType =
  /** The job was accepted and stored. */
  | 'ACCEPTED'
  /** An attempt to submit the job began. From this point on, the upstream may have received it. */
  | 'ATTEMPT_BEGUN'
  /** An attempt to submit the job ended; see `submitEnd`. */
  | 'ATTEMPT_ENDED'
  /** The upstream called back with a body that it had not sent before; see `verdict`. */
  | 'CALLBACK'
  /** The job was canceled. */
  | 'CANCELED'
  /** The client asked to cancel the job while an attempt to submit it was in progress. */
  | 'CANCEL_REQUESTED'
  /** A look-up confirmed or refuted the claim of a callback; see `verdict`. */
  | 'CLAIM_JUDGED'
  /** A deadline of the job passed. */
  | 'DEADLINE'
  /** The lease of the attempt expired, because the instance that made it did not report how it ended. */
  | 'LEASE_EXPIRED'
  /** The job's task was found in a listing of the upstream's tasks. */
  | 'LISTING'
  /** A look-up at the upstream changed the job. */
  | 'POLL';

/** A label of a job: the client's own reference. */
export type Label = {
  __typename?: 'Label';
  /** The label's key: 1 to 64 characters from `a-z`, `0-9`, `_`, `.` and `-`. */
  key: Scalars['String']['output'];
  /** The label's value: up to 256 characters. */
  value: Scalars['String']['output'];
};

/** A label of a job: the client's own reference. */
export type LabelInput = {
  /** The label's key: 1 to 64 characters from `a-z`, `0-9`, `_`, `.` and `-`. A job can have each key only once. */
  key: Scalars['String']['input'];
  /** The label's value: up to 256 characters. */
  value: Scalars['String']['input'];
};

/** The reason why a job ended without a video. */
export type MotionFailure = {
  __typename?: 'MotionFailure';
  /** The charge of the upstream for the failed job, as far as it is known. */
  charge: ChargeStatus;
  /** The code of the failure, for programs to branch on. */
  code: MotionFailureCode;
  /** False if the failure was only inferred by the gateway: a result that arrives within 24 hours still changes the job to SUCCEEDED. */
  final: Scalars['Boolean']['output'];
  /** The failure in human-readable form, in the upstream's own words if it gave any. Not to be parsed. */
  message: Scalars['String']['output'];
  /** The upstream's own error code; null if it gave none. */
  upstreamCode?: Maybe<Scalars['String']['output']>;
  /** The upstream's trace id, which the upstream's support asks for; null if there is none. */
  upstreamTraceId?: Maybe<Scalars['String']['output']>;
  /** True if a new job with the same input has a fair chance of success. */
  worthRetrying: Scalars['Boolean']['output'];
};

/** The reason why a job failed. More values may be added: treat an unknown value as a new kind of the same thing. */
export type MotionFailureCode =
  /** The upstream's content moderation rejected the input. */
  | 'CONTENT_REJECTED'
  /** The upstream could not use the image or the video: see the limits at `imageUrl` and `videoUrl`. */
  | 'INVALID_MEDIA'
  /** The upstream reported success without a video. */
  | 'MISSING_RESULT'
  /** The job waited in the queue until its deadline; nothing was spent. */
  | 'QUEUE_EXPIRED'
  /** The submit was never answered, so it is not known whether the upstream accepted the job. */
  | 'SUBMIT_OUTCOME_UNKNOWN'
  /** The upstream did not finish the job before the deadline. */
  | 'TIMED_OUT'
  /** The job was accepted for a different upstream than the one that the gateway now uses, and was never submitted. */
  | 'UPSTREAM_CHANGED'
  /** The upstream accepted the job, but failed to complete it. */
  | 'UPSTREAM_FAILED'
  /** The upstream accepted the job, but no longer has a record of it. */
  | 'UPSTREAM_LOST'
  /** The upstream rejected the request. */
  | 'UPSTREAM_REJECTED';

/** A job: one generation of a video in which a character from an image moves as in another video. */
export type MotionJob = Node & {
  __typename?: 'MotionJob';
  /** The input that determines the orientation of the character. */
  characterOrientation: CharacterOrientation;
  /** The time when the job ended; null until then. */
  completedAt?: Maybe<Scalars['DateTime']['output']>;
  /** The time when the job was accepted. */
  createdAt: Scalars['DateTime']['output'];
  /** The time when the job is likely to end, estimated from the durations of recent jobs. Null if the job has ended, or if there is no basis for an estimate. Computed on read. */
  estimatedCompletionAt?: Maybe<Scalars['DateTime']['output']>;
  /** The reason why the job failed; null unless the state is FAILED. */
  failure?: Maybe<MotionFailure>;
  /** The object's id: a unique UUIDv7. Newer ids sort after older ones. */
  id: Scalars['ID']['output'];
  /** The idempotency key with which the job was accepted; null if none was given. */
  idempotencyKey?: Maybe<Scalars['String']['output']>;
  /** The URL of the image of the character. */
  imageUrl: Scalars['URL']['output'];
  /** True if the job has ended: it is SUCCEEDED, FAILED or CANCELED. */
  isTerminal: Scalars['Boolean']['output'];
  /** True if the video keeps the sound of the motion video. */
  keepOriginalSound: Scalars['Boolean']['output'];
  /** The job's labels, which are the client's own references, ordered by key. */
  labels: Array<Label>;
  /** The quality of the video. */
  mode: MotionMode;
  /** The name of the upstream's model; null if the choice is left to the upstream. */
  model?: Maybe<Scalars['String']['output']>;
  /** The prompt: a text description of the scene beyond the motion; null if none was given. */
  prompt?: Maybe<Scalars['String']['output']>;
  /** The job's position in the queue: 1 is the next job to be submitted, and 1000 means 1,000 or more. Null if the job is not QUEUED. Accounts take turns, so the position can increase by a few. Computed on read. */
  queuePosition?: Maybe<Scalars['Int']['output']>;
  /** True if the job runs in the sandbox: the video is a sample, and nothing is paid. */
  sandbox: Scalars['Boolean']['output'];
  /** How the end of the job became known; null until the job has ended. */
  settledBy?: Maybe<SettledBy>;
  /** The job's state. */
  state: MotionJobState;
  /** The time when it became known that the upstream had accepted the job; null until then. */
  submittedAt?: Maybe<Scalars['DateTime']['output']>;
  /** The id of the job's task at the upstream; null until it is known. */
  taskId?: Maybe<Scalars['ID']['output']>;
  /** The job's timeline: actions of the gateway and information that it received, oldest first. */
  timeline?: Maybe<JobEventConnection>;
  /** The time of the last change of the job. */
  updatedAt: Scalars['DateTime']['output'];
  /** The job's version, which increases by one with every change. Of two responses about the same job, the one with the higher version is newer. */
  version: Scalars['Int']['output'];
  /** The generated video; null unless the state is SUCCEEDED. */
  video?: Maybe<MotionVideo>;
  /** The URL of the video of the motion. */
  videoUrl: Scalars['URL']['output'];
  /** True if the video carries a watermark. */
  watermark: Scalars['Boolean']['output'];
  /** The URL that receives a webhook when the job ends, in addition to the account's endpoints; null if none was given. */
  webhookUrl?: Maybe<Scalars['URL']['output']>;
};


/** A job: one generation of a video in which a character from an image moves as in another video. */
export type MotionJobTimelineArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: Scalars['Int']['input'];
};

/** A page of jobs, newest first. */
export type MotionJobConnection = {
  __typename?: 'MotionJobConnection';
  /** The jobs on the page, with their cursors. */
  edges: Array<MotionJobEdge>;
  /** The jobs on the page, without their cursors. */
  nodes: Array<MotionJob>;
  /** The position of the page in the list of jobs. */
  pageInfo: PageInfo;
  /** A cursor that was taken before the first page was read; every later page repeats it. `jobsUpdated(after:)` sends every change since then. Null for a client token that is limited to certain jobs. */
  updatesCursor?: Maybe<Scalars['String']['output']>;
};

/** A job in a list, with its cursor. */
export type MotionJobEdge = {
  __typename?: 'MotionJobEdge';
  /** The job's cursor in the list: opaque, and still valid after jobs are added. */
  cursor: Scalars['String']['output'];
  /** The job. */
  node: MotionJob;
};

/** A filter for jobs. A job must meet all conditions that are given. */
export type MotionJobFilter = {
  /** Selects jobs that were accepted after this time. */
  createdAfter?: InputMaybe<Scalars['DateTime']['input']>;
  /** Selects jobs that were accepted before this time. */
  createdBefore?: InputMaybe<Scalars['DateTime']['input']>;
  /** Selects jobs with one of these ids, at most 100. */
  ids?: InputMaybe<Array<Scalars['ID']['input']>>;
  /** Selects jobs with all of these labels, at most 16. */
  labels?: InputMaybe<Array<LabelInput>>;
  /** Selects jobs with one of these modes. */
  modes?: InputMaybe<Array<MotionMode>>;
  /** Selects jobs in one of these states. */
  states?: InputMaybe<Array<MotionJobState>>;
};

/** The state of a job. More values may be added: treat an unknown value as a new kind of the same thing. */
export type MotionJobState =
  /** The job was canceled before it was submitted; nothing was spent. */
  | 'CANCELED'
  /** The job has ended without a video: `failure` gives the reason. If `failure.final` is false, a late result can still change the job to SUCCEEDED. */
  | 'FAILED'
  /** The upstream has accepted the job. This includes the time for which the job waits there; a total of 1 to 5 minutes is usual. */
  | 'PROCESSING'
  /** The job is accepted and stored, and waits for a slot at the upstream. Only a QUEUED job can be canceled. */
  | 'QUEUED'
  /** The job is being submitted to the upstream. */
  | 'SUBMITTING'
  /** The job has succeeded: `video` is set. */
  | 'SUCCEEDED'
  /** The job was submitted, but the answer was lost: the upstream may have accepted the job. A callback, a look-up or the deadline decides the outcome. The job is submitted again only if a late answer to the submit shows that it certainly did not reach the upstream. */
  | 'UNCONFIRMED';

/** A change of one of the account's jobs. */
export type MotionJobUpdate = {
  __typename?: 'MotionJobUpdate';
  /** The cursor from which to resume after this update was processed: pass it to `jobsUpdated` as `after`. The cursor is opaque, at most 4,096 characters long, valid at every instance and after restarts, and does not expire. */
  cursor: Scalars['String']['output'];
  /** The job in its newest version. */
  job: MotionJob;
};

/** The quality of the video. More values may be added: treat an unknown value as a new kind of the same thing. */
export type MotionMode =
  /** High quality, 1080p; slower and more expensive. */
  | 'PRO'
  /** Standard quality, 720p. */
  | 'STD';

/** The video that a job generated. */
export type MotionVideo = {
  __typename?: 'MotionVideo';
  /** The duration of the video in seconds, as measured by the upstream; null if it is unknown. */
  durationSeconds?: Maybe<Scalars['Float']['output']>;
  /** The upstream's id of the video. */
  id: Scalars['ID']['output'];
  /** The URL of the MP4 file: a signed link that expires. Copy the file if you want to keep it. */
  url: Scalars['URL']['output'];
  /** The time when the video expires: the upstream deletes results after 30 days. Null if it is unknown. */
  urlExpiresAt?: Maybe<Scalars['DateTime']['output']>;
};

export type Mutation = {
  __typename?: 'Mutation';
  /** Applies for access: creates an account and its first API key immediately. Requires no key. Returns the error FORBIDDEN if only an administrator grants access, and RATE_LIMITED after too many applications from one address. */
  acquireAccess?: Maybe<AcquireAccessPayload>;
  /** Activates a pending or disabled account. Requires an administrator. */
  approveAccount?: Maybe<ChangeAccountPayload>;
  /** Cancels a QUEUED job. The upstream cannot stop a task that it has accepted. Canceling a job that is already canceled is not an error. */
  cancelMotionJob?: Maybe<CancelMotionJobPayload>;
  /** Creates an active account and its first API key. Requires an administrator. */
  createAccount?: Maybe<CreateAccountPayload>;
  /** Creates an API key for the account. Requires `account:admin`. */
  createApiKey?: Maybe<IssueApiKeyPayload>;
  /** Creates a client token, which is safe to give to a browser. Requires an API key with the scopes that the token is to have. */
  createClientToken?: Maybe<CreateClientTokenPayload>;
  /** Creates a webhook endpoint: a URL that receives the events of the account's jobs, as defined by Standard Webhooks 1.0. Requires `account:admin`. */
  createWebhookEndpoint?: Maybe<WebhookEndpointPayload>;
  /** Deletes a job that has ended, together with its timeline and the callbacks that were received for it. It cannot be restored. Its idempotency key remains reserved for as long as the gateway keeps such keys (`KEEP_SPENT_KEYS_DAYS`, by default 30 days): a request with the same input is rejected with JOB_DELETED. The video remains at the upstream until it expires there, and anyone with its link can fetch it until then. For a FAILED job whose `failure.final` is false, a late result would still have been reported; after the deletion it is discarded, although it may have been paid for. Deleting a deleted job returns NOT_FOUND. */
  deleteMotionJob?: Maybe<DeleteMotionJobPayload>;
  /** Deletes a webhook endpoint. Requires `account:admin`. */
  deleteWebhookEndpoint?: Maybe<DeleteWebhookEndpointPayload>;
  /** Disables an account: all of its keys and tokens are rejected immediately. Its existing jobs continue to run. Requires an administrator. */
  disableAccount?: Maybe<ChangeAccountPayload>;
  /** Accepts a job and returns as soon as the job is stored, without waiting for the upstream. Watch the job with `jobUpdated`. With an idempotency key, the request can be repeated safely. */
  generateMotion?: Maybe<GenerateMotionPayload>;
  /** Delivers an event again, immediately, with the same `webhook-id` and the same body. Requires `jobs:write`. */
  redeliverWebhook?: Maybe<RedeliverWebhookPayload>;
  /** Revokes an API key immediately. Sockets that were opened with it are closed with 4403 within a minute. Requires `account:admin`. */
  revokeApiKey?: Maybe<RevokeApiKeyPayload>;
  /** Revokes all client tokens of the account immediately. Sockets that were opened with them are closed with 4403 within a minute. Requires `account:admin`. */
  revokeClientTokens?: Maybe<RevokeClientTokensPayload>;
  /** Replaces an API key: creates one with the same name and scopes, and the old one expires after the overlap. Requires `account:admin`. */
  rotateApiKey?: Maybe<IssueApiKeyPayload>;
  /** Creates a new webhook secret. For 24 hours, webhooks are signed with the previous secret as well. Requires `account:admin`. */
  rotateWebhookSecret?: Maybe<RotateWebhookSecretPayload>;
  /** Changes the quota of an account. Requires an administrator. */
  setQuota?: Maybe<ChangeAccountPayload>;
  /** Sends a signed `webhook.test` event to an endpoint, like any other event. Requires `account:admin`. */
  testWebhookEndpoint?: Maybe<TestWebhookEndpointPayload>;
  /** Changes a webhook endpoint. Requires `account:admin`. */
  updateWebhookEndpoint?: Maybe<WebhookEndpointPayload>;
};


export type MutationAcquireAccessArgs = {
  input: AcquireAccessInput;
};


export type MutationApproveAccountArgs = {
  input: AccountQuotaInput;
};


export type MutationCancelMotionJobArgs = {
  input: CancelMotionJobInput;
};


export type MutationCreateAccountArgs = {
  input: CreateAccountInput;
};


export type MutationCreateApiKeyArgs = {
  input: CreateApiKeyInput;
};


export type MutationCreateClientTokenArgs = {
  input: CreateClientTokenInput;
};


export type MutationCreateWebhookEndpointArgs = {
  input: CreateWebhookEndpointInput;
};


export type MutationDeleteMotionJobArgs = {
  input: DeleteMotionJobInput;
};


export type MutationDeleteWebhookEndpointArgs = {
  input: WebhookEndpointInput;
};


export type MutationDisableAccountArgs = {
  input: DisableAccountInput;
};


export type MutationGenerateMotionArgs = {
  input: GenerateMotionInput;
};


export type MutationRedeliverWebhookArgs = {
  input: RedeliverWebhookInput;
};


export type MutationRevokeApiKeyArgs = {
  input: RevokeApiKeyInput;
};


export type MutationRotateApiKeyArgs = {
  input: RotateApiKeyInput;
};


export type MutationRotateWebhookSecretArgs = {
  input: RotateWebhookSecretInput;
};


export type MutationSetQuotaArgs = {
  input: AccountQuotaInput;
};


export type MutationTestWebhookEndpointArgs = {
  input: WebhookEndpointInput;
};


export type MutationUpdateWebhookEndpointArgs = {
  input: UpdateWebhookEndpointInput;
};

/** An object with an id of its own. */
export type Node = {
  /** The object's id: a unique UUIDv7. Newer ids sort after older ones. */
  id: Scalars['ID']['output'];
};

/** The position of a page in its list. */
export type PageInfo = {
  __typename?: 'PageInfo';
  /** The cursor of the last entry on the page. Pass it as `after` to read the next page. */
  endCursor?: Maybe<Scalars['String']['output']>;
  /** True if the list has more entries after this page. */
  hasNextPage: Scalars['Boolean']['output'];
  /** Always false: lists can be read only forward. */
  hasPreviousPage: Scalars['Boolean']['output'];
  /** The cursor of the first entry on the page; null if the page is empty. */
  startCursor?: Maybe<Scalars['String']['output']>;
};

export type Query = {
  __typename?: 'Query';
  /** One account; null if there is no such account. Requires an administrator. */
  account?: Maybe<Account>;
  /** All accounts, newest first. The list can be read only forward. Requires an administrator. */
  accounts?: Maybe<AccountConnection>;
  /** One job; null if there is no job with this id, or if it belongs to another account. */
  motionJob?: Maybe<MotionJob>;
  /** The account's jobs, newest first. The list can be read only forward. */
  motionJobs?: Maybe<MotionJobConnection>;
  /** An object by its id; null if there is no such object, or if it belongs to another account. */
  node?: Maybe<Node>;
  /** The authenticated caller, identified by the API key or client token of the request. Requires `jobs:read` for all jobs: a client token that is limited to certain jobs is refused. */
  viewer?: Maybe<Viewer>;
  /** The account's webhook deliveries, newest first, with all of their attempts. Requires `jobs:read` for all jobs: a client token that is limited to certain jobs is refused. */
  webhookDeliveries?: Maybe<WebhookDeliveryConnection>;
  /** The account's webhook endpoints, newest first. Requires `account:admin`. */
  webhookEndpoints?: Maybe<Array<WebhookEndpoint>>;
  /** The secret with which webhooks are currently signed; null if there is no such endpoint. Requires `account:admin`. */
  webhookSecret?: Maybe<Scalars['String']['output']>;
};


export type QueryAccountArgs = {
  id: Scalars['ID']['input'];
};


export type QueryAccountsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: Scalars['Int']['input'];
};


export type QueryMotionJobArgs = {
  id: Scalars['ID']['input'];
};


export type QueryMotionJobsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<MotionJobFilter>;
  first?: Scalars['Int']['input'];
};


export type QueryNodeArgs = {
  id: Scalars['ID']['input'];
};


export type QueryWebhookDeliveriesArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  endpointId?: InputMaybe<Scalars['ID']['input']>;
  first?: Scalars['Int']['input'];
  jobId?: InputMaybe<Scalars['ID']['input']>;
};


export type QueryWebhookSecretArgs = {
  endpointId?: InputMaybe<Scalars['ID']['input']>;
};

/** The number of jobs that an account may use. A job is reserved when it is accepted, counted as used when it succeeds, and released if it ends in any other way. */
export type Quota = {
  __typename?: 'Quota';
  /** The maximum number of jobs that can be used in total; null if there is no limit. */
  limit?: Maybe<Scalars['Int']['output']>;
  /** The maximum number of jobs that can be accepted in a month (UTC); null if there is no limit. */
  monthlyLimit?: Maybe<Scalars['Int']['output']>;
  /** The number of jobs that were accepted this month (UTC) and not released. */
  monthlyUsed: Scalars['Int']['output'];
  /** The number of jobs that can be accepted now; null if there is no limit. */
  remaining?: Maybe<Scalars['Int']['output']>;
  /** The number of jobs that have been accepted and have not ended. */
  reserved: Scalars['Int']['output'];
  /** The time when the next month begins; null if there is no monthly limit. */
  resetsAt?: Maybe<Scalars['DateTime']['output']>;
  /** The number of jobs that have succeeded. It can exceed `limit` if results arrive for jobs that had already failed. */
  used: Scalars['Int']['output'];
};

/** The account's quota is exhausted. */
export type QuotaExhausted = UserError & {
  __typename?: 'QuotaExhausted';
  /** The code of the error, for programs to branch on. */
  code: UserErrorCode;
  /** The path of the argument that the error concerns, such as `["input", "labels", "0", "key"]`; null if it concerns no single argument. */
  field?: Maybe<Array<Scalars['String']['output']>>;
  /** The error in human-readable form, not to be parsed. */
  message: Scalars['String']['output'];
  /** The number of jobs that are left in the quota. */
  remaining: Scalars['Int']['output'];
};

/** The webhook delivery to repeat. */
export type RedeliverWebhookInput = {
  /** The delivery's id. */
  deliveryId: Scalars['ID']['input'];
};

/** The result of requesting a webhook delivery again. */
export type RedeliverWebhookPayload = {
  __typename?: 'RedeliverWebhookPayload';
  /** The delivery, which is due immediately and has its full number of attempts again. */
  delivery?: Maybe<WebhookDelivery>;
  /** The reasons why the delivery is not repeated; empty if it is repeated. */
  userErrors: Array<UserError>;
};

/** The API key to revoke. */
export type RevokeApiKeyInput = {
  /** The API key's id. */
  id: Scalars['ID']['input'];
};

/** The result of revoking an API key. */
export type RevokeApiKeyPayload = {
  __typename?: 'RevokeApiKeyPayload';
  /** The revoked API key, which is now rejected; null if `userErrors` has entries. */
  apiKey?: Maybe<ApiKey>;
  /** The reasons why the API key was not revoked; empty if it was revoked. */
  userErrors: Array<UserError>;
};

/** The result of revoking the client tokens of an account. */
export type RevokeClientTokensPayload = {
  __typename?: 'RevokeClientTokensPayload';
  /** The account. All client tokens that were created for it until now are rejected. */
  account?: Maybe<Account>;
};

/** The API key to replace. */
export type RotateApiKeyInput = {
  /** The old API key's id. */
  id: Scalars['ID']['input'];
  /** The time in seconds for which the old API key remains valid, 0 to 2,592,000. */
  overlapSeconds?: Scalars['Int']['input'];
};

/** The owner of the webhook secret to rotate: an endpoint or the account. */
export type RotateWebhookSecretInput = {
  /** The endpoint's id. If omitted, the secret that signs the webhooks to the `webhookUrl` of jobs is rotated. */
  endpointId?: InputMaybe<Scalars['ID']['input']>;
};

/** The result of rotating a webhook secret. */
export type RotateWebhookSecretPayload = {
  __typename?: 'RotateWebhookSecretPayload';
  /** The new secret. For 24 hours, webhooks are signed with the previous secret as well. */
  secret?: Maybe<Scalars['String']['output']>;
  /** The reasons why the secret was not rotated; empty if it was rotated. */
  userErrors: Array<UserError>;
};

/** A permission that an API key or a client token has in its account. More values may be added: treat an unknown value as a new kind of the same thing. */
export type Scope =
  /** `account:admin`: create, rotate and revoke API keys, revoke client tokens, and manage webhook endpoints. A client token never has this scope. */
  | 'ACCOUNT_ADMIN'
  /** `jobs:read`: read and watch jobs, and read the quota. */
  | 'JOBS_READ'
  /** `jobs:write`: generate, cancel and delete jobs, and read the jobs that these mutations return. */
  | 'JOBS_WRITE';

/** How the end of a job became known. More values may be added: treat an unknown value as a new kind of the same thing. */
export type SettledBy =
  /** The upstream's callback. */
  | 'CALLBACK'
  /** The client canceled the job. */
  | 'CANCEL'
  /** A deadline of the gateway passed. */
  | 'DEADLINE'
  /** A listing of the upstream's tasks, in which the task was found by the callback URL that it echoes. */
  | 'LISTING'
  /** A look-up at the upstream. */
  | 'POLL'
  /** The upstream's answer to the submit. */
  | 'SUBMIT_ANSWER';

/** How an attempt to submit a job ended. The values differ in whether the upstream may have received the job. More values may be added: treat an unknown value as a new kind of the same thing. */
export type SubmitEnd =
  /** The upstream accepted the job. */
  | 'ACCEPTED'
  /** The job may have reached the upstream, so it is never submitted again. */
  | 'AMBIGUOUS'
  /** The job certainly did not reach the upstream; it is submitted again. */
  | 'NEVER_SENT'
  /** The upstream refused the job. It is submitted again only if the job itself was not the cause. */
  | 'REFUSED';

export type Subscription = {
  __typename?: 'Subscription';
  /** The current state of a job, then every newer state. The subscription completes after a terminal state, or when the job is deleted. States that follow each other faster than the client reads are skipped, but the newest is always sent. If the subscription completes after a state that is not terminal, the job was deleted or was lost by the database: read `motionJob` before you submit the job again. */
  jobUpdated: MotionJob;
  /** Every change of every job of the account, including new jobs; the subscription never completes. An update is sent at least once: drop it if its `version` is not higher than the one you have. Versions that follow each other faster than the client reads are skipped, but the newest is always sent. Deletions are not reported: if a job is deleted before you have read its last change, you receive no more updates for it. To miss nothing, list the jobs, then subscribe with the `updatesCursor` of the list. After a reconnect, subscribe with the `cursor` of the last update. If you delete jobs, query `motionJobs` after each reconnect with the `ids` of the jobs that you believe to be unfinished. */
  jobsUpdated: MotionJobUpdate;
};


export type SubscriptionJobUpdatedArgs = {
  afterVersion?: InputMaybe<Scalars['Int']['input']>;
  id: Scalars['ID']['input'];
};


export type SubscriptionJobsUpdatedArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
};

/** The result of requesting a test delivery to a webhook endpoint. */
export type TestWebhookEndpointPayload = {
  __typename?: 'TestWebhookEndpointPayload';
  /** The id of the test delivery, which is now under way: `webhookDeliveries` shows its outcome. Null if `userErrors` has entries. */
  deliveryId?: Maybe<Scalars['ID']['output']>;
  /** The reasons why there is no test delivery; empty if there is one. */
  userErrors: Array<UserError>;
};

/** The changes to a webhook endpoint. Fields that are omitted remain unchanged. */
export type UpdateWebhookEndpointInput = {
  /** True enables the endpoint, for whatever reason it was disabled; false disables it and stops the deliveries that are waiting. */
  enabled?: InputMaybe<Scalars['Boolean']['input']>;
  /** The types of events that the endpoint receives from now on. */
  eventTypes?: InputMaybe<Array<WebhookEventType>>;
  /** The endpoint's id. */
  id: Scalars['ID']['input'];
  /** The URL to which webhooks are sent from now on, including those that are waiting. */
  url?: InputMaybe<Scalars['URL']['input']>;
};

/** The charged usage of one day, mode or model. */
export type UsageBucket = {
  __typename?: 'UsageBucket';
  /** The total duration of the videos in seconds, which is what the upstream bills. The duration of each job is rounded to milliseconds. */
  billedSeconds: Scalars['Float']['output'];
  /** The number of jobs that succeeded. */
  jobs: Scalars['Int']['output'];
  /** The day as `YYYY-MM-DD`, the mode or the model of the usage; null if the upstream chose the model. */
  key?: Maybe<Scalars['String']['output']>;
};

/** The property by which usage is grouped. More values may be added: treat an unknown value as a new kind of the same thing. */
export type UsageBy =
  /** The day (UTC) on which the job succeeded. */
  | 'DAY'
  /** The mode of the job. */
  | 'MODE'
  /** The model of the job; null if the upstream chose the model. */
  | 'MODEL';

/** An error that the client can act on. */
export type UserError = {
  /** The code of the error, for programs to branch on. */
  code: UserErrorCode;
  /** The path of the argument that the error concerns, such as `["input", "labels", "0", "key"]`; null if it concerns no single argument. */
  field?: Maybe<Array<Scalars['String']['output']>>;
  /** The error in human-readable form, not to be parsed. */
  message: Scalars['String']['output'];
};

/** The code of an error that the client can act on. More values may be added: treat an unknown value as a new kind of the same thing. */
export type UserErrorCode =
  /** The job is being submitted, or its submit was never answered. It is canceled if that attempt certainly did not reach the upstream; otherwise it continues. */
  | 'CANCEL_REQUESTED'
  /** The value occurs more than once. */
  | 'DUPLICATE'
  /** The webhook endpoint is disabled or no longer exists. */
  | 'ENDPOINT_DISABLED'
  /** The idempotency key was used before with a different input. Nothing was accepted. */
  | 'IDEMPOTENCY_KEY_REUSED'
  /** The value does not have the format that the field requires. */
  | 'INVALID_FORMAT'
  /** The value is not an absolute http(s) URL. */
  | 'INVALID_URL'
  /** The job of this idempotency key was deleted. Nothing was accepted; use a new key to generate a new job. */
  | 'JOB_DELETED'
  /** The job can no longer be canceled: the upstream has accepted it, or it has ended. */
  | 'NOT_CANCELABLE'
  /** No object with this id was found. */
  | 'NOT_FOUND'
  /** The job has not ended. */
  | 'NOT_TERMINAL'
  /** The host of the URL is private, local or otherwise special. */
  | 'PRIVATE_ADDRESS'
  /** The account's quota has no jobs left. Nothing was accepted. */
  | 'QUOTA_EXHAUSTED'
  /** The value is longer than the field allows. */
  | 'TOO_LONG'
  /** The number of entries exceeds the limit. */
  | 'TOO_MANY'
  /** The URL contains a user name or a password. */
  | 'URL_HAS_CREDENTIALS';

/** The authenticated caller of the request. */
export type Viewer = {
  __typename?: 'Viewer';
  /** The account that the API key or client token of the request belongs to. */
  account: Account;
  /** The account's API keys: first those that are valid, then those that have ended, each group newest first. Requires `account:admin`. */
  keys?: Maybe<Array<ApiKey>>;
  /** The account's quota: its limits, and how much of them is used. */
  quota: Quota;
  /** The usage that was charged from the time `from` until before the time `to`, at most 366 days later. Requires `jobs:read`. */
  usage?: Maybe<Array<UsageBucket>>;
};


/** The authenticated caller of the request. */
export type ViewerKeysArgs = {
  first?: Scalars['Int']['input'];
};


/** The authenticated caller of the request. */
export type ViewerUsageArgs = {
  by?: UsageBy;
  from: Scalars['DateTime']['input'];
  to: Scalars['DateTime']['input'];
};

/** One attempt of a webhook delivery. */
export type WebhookAttempt = {
  __typename?: 'WebhookAttempt';
  /** The time when the attempt ended. */
  at: Scalars['DateTime']['output'];
  /** The reason why there was no response: `BLOCKED` (not a public address), `NOT_RESOLVED`, `NOT_CONNECTED`, `TLS`, `TIMED_OUT`, `RESET` and others. Null if there was a response. */
  failure?: Maybe<Scalars['String']['output']>;
  /** The HTTP status of the receiver's response; null if there was no response. */
  httpStatus?: Maybe<Scalars['Int']['output']>;
  /** The duration of the attempt in milliseconds. */
  latencyMs: Scalars['Int']['output'];
  /** The number of the attempt, counted from 1. */
  number: Scalars['Int']['output'];
};

/** The delivery of an event to one receiver. */
export type WebhookDelivery = {
  __typename?: 'WebhookDelivery';
  /** All attempts of the delivery, oldest first. */
  attempts: Array<WebhookAttempt>;
  /** The time when the delivery was created, normally right after the event. */
  createdAt: Scalars['DateTime']['output'];
  /** The id of the endpoint; null for a delivery to the `webhookUrl` of a job. */
  endpointId?: Maybe<Scalars['ID']['output']>;
  /** The event's id, sent as the header `webhook-id`; it is the same for every attempt. */
  eventId: Scalars['ID']['output'];
  /** The type of the event. */
  eventType: WebhookEventType;
  /** The delivery's id, to be passed to `redeliverWebhook`. */
  id: Scalars['ID']['output'];
  /** The id of the job that the event is about; null for a test. */
  jobId?: Maybe<Scalars['ID']['output']>;
  /** The time of the next attempt; during an attempt, a time shortly in the future. Null if no attempt is planned. */
  nextAttemptAt?: Maybe<Scalars['DateTime']['output']>;
  /** The state of the delivery. */
  state: WebhookDeliveryState;
  /** The URL to which the event is delivered. */
  url: Scalars['URL']['output'];
};

/** A page of webhook deliveries, newest first. */
export type WebhookDeliveryConnection = {
  __typename?: 'WebhookDeliveryConnection';
  /** The deliveries on the page, newest first. */
  nodes: Array<WebhookDelivery>;
  /** The position of the page in the list of deliveries. */
  pageInfo: PageInfo;
};

/** The state of a webhook delivery. More values may be added: treat an unknown value as a new kind of the same thing. */
export type WebhookDeliveryState =
  /** The receiver responded with a 2xx status. */
  | 'DELIVERED'
  /** The next attempt of the delivery is due at `nextAttemptAt`. */
  | 'DUE'
  /** All attempts were used up, or the receiver responded with HTTP status 410. */
  | 'FAILED'
  /** The endpoint of the delivery was disabled or deleted. */
  | 'STOPPED';

/** The reason why a webhook endpoint is disabled. More values may be added: treat an unknown value as a new kind of the same thing. */
export type WebhookDisabledReason =
  /** The endpoint's owner disabled it. */
  | 'BY_OWNER'
  /** Nothing was delivered to the endpoint for five days, or for the time that the operator configured. */
  | 'FAILING'
  /** The endpoint responded with HTTP status 410. */
  | 'GONE';

/** A URL of the client that receives the events of the account's jobs as webhooks. */
export type WebhookEndpoint = {
  __typename?: 'WebhookEndpoint';
  /** The time when the endpoint was created. */
  createdAt: Scalars['DateTime']['output'];
  /** The time when the endpoint was disabled; null if it is not disabled. */
  disabledAt?: Maybe<Scalars['DateTime']['output']>;
  /** The reason why the endpoint is disabled; null if it is not disabled. */
  disabledReason?: Maybe<WebhookDisabledReason>;
  /** The types of events that the endpoint receives. */
  eventTypes: Array<WebhookEventType>;
  /** The time since which all deliveries to the endpoint have failed; null if the last one did not fail. */
  failingSince?: Maybe<Scalars['DateTime']['output']>;
  /** The endpoint's id. */
  id: Scalars['ID']['output'];
  /** The status of the endpoint: whether it receives events. */
  status: WebhookEndpointStatus;
  /** The URL to which webhooks are sent. */
  url: Scalars['URL']['output'];
};

/** The webhook endpoint to delete or to test. */
export type WebhookEndpointInput = {
  /** The endpoint's id. */
  id: Scalars['ID']['input'];
};

/** The result of creating or changing a webhook endpoint. */
export type WebhookEndpointPayload = {
  __typename?: 'WebhookEndpointPayload';
  /** The endpoint in its current state; null if `userErrors` has entries. */
  endpoint?: Maybe<WebhookEndpoint>;
  /** The secret with which a new endpoint verifies signatures: `whsec_` followed by base64. Null unless an endpoint was created. */
  secret?: Maybe<Scalars['String']['output']>;
  /** All violations in the input; empty if the request succeeded. */
  userErrors: Array<UserError>;
};

/** The status of a webhook endpoint, which determines whether it receives events. More values may be added: treat an unknown value as a new kind of the same thing. */
export type WebhookEndpointStatus =
  /** The endpoint receives events. */
  | 'ACTIVE'
  /** The endpoint receives nothing; `disabledReason` gives the reason. Its pending deliveries have been stopped and can be delivered again once the endpoint is enabled. */
  | 'DISABLED';

/** The type of a webhook event. More values may be added: treat an unknown value as a new kind of the same thing. */
export type WebhookEventType =
  /** `motion_job.canceled`: the job was canceled. */
  | 'MOTION_JOB_CANCELED'
  /** `motion_job.failed`: the job has failed; `failure.final` indicates whether it can still succeed later. */
  | 'MOTION_JOB_FAILED'
  /** `motion_job.processing`: the upstream is processing the job. */
  | 'MOTION_JOB_PROCESSING'
  /** `motion_job.succeeded`: the job has a video. The event can follow a `motion_job.failed` that was not final, with a higher version. */
  | 'MOTION_JOB_SUCCEEDED'
  /** `webhook.test`: the event that `testWebhookEndpoint` sends. An endpoint receives it without subscribing to it. */
  | 'WEBHOOK_TEST';

export type JobFieldsFragment = { __typename?: 'MotionJob', id: string, version: number, state: MotionJobState, taskId?: string | null, sandbox: boolean, settledBy?: SettledBy | null, video?: { __typename?: 'MotionVideo', id: string, url: string, durationSeconds?: number | null } | null, failure?: { __typename?: 'MotionFailure', code: MotionFailureCode, message: string, final: boolean, charge: ChargeStatus, upstreamCode?: string | null } | null };

export type GenerateMotionMutationVariables = Exact<{
  input: GenerateMotionInput;
}>;


export type GenerateMotionMutation = { __typename?: 'Mutation', generateMotion?: { __typename?: 'GenerateMotionPayload', replayed: boolean, job?: { __typename?: 'MotionJob', id: string, version: number, state: MotionJobState, taskId?: string | null, sandbox: boolean, settledBy?: SettledBy | null, video?: { __typename?: 'MotionVideo', id: string, url: string, durationSeconds?: number | null } | null, failure?: { __typename?: 'MotionFailure', code: MotionFailureCode, message: string, final: boolean, charge: ChargeStatus, upstreamCode?: string | null } | null } | null, userErrors: Array<
      | { __typename: 'CancelRefused', code: UserErrorCode, message: string, field?: Array<string> | null }
      | { __typename: 'DeleteRefused', code: UserErrorCode, message: string, field?: Array<string> | null }
      | { __typename: 'IdempotencyKeyReused', code: UserErrorCode, message: string, field?: Array<string> | null }
      | { __typename: 'InvalidInput', code: UserErrorCode, message: string, field?: Array<string> | null }
      | { __typename: 'JobDeleted', code: UserErrorCode, message: string, field?: Array<string> | null }
      | { __typename: 'QuotaExhausted', code: UserErrorCode, message: string, field?: Array<string> | null }
    > } | null };

export type FindJobQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type FindJobQuery = { __typename?: 'Query', motionJob?: { __typename?: 'MotionJob', id: string, version: number, state: MotionJobState, taskId?: string | null, sandbox: boolean, settledBy?: SettledBy | null, video?: { __typename?: 'MotionVideo', id: string, url: string, durationSeconds?: number | null } | null, failure?: { __typename?: 'MotionFailure', code: MotionFailureCode, message: string, final: boolean, charge: ChargeStatus, upstreamCode?: string | null } | null } | null };

export type CancelJobMutationVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type CancelJobMutation = { __typename?: 'Mutation', cancelMotionJob?: { __typename?: 'CancelMotionJobPayload', job?: { __typename?: 'MotionJob', id: string, version: number, state: MotionJobState, taskId?: string | null, sandbox: boolean, settledBy?: SettledBy | null, video?: { __typename?: 'MotionVideo', id: string, url: string, durationSeconds?: number | null } | null, failure?: { __typename?: 'MotionFailure', code: MotionFailureCode, message: string, final: boolean, charge: ChargeStatus, upstreamCode?: string | null } | null } | null, userErrors: Array<
      | { __typename?: 'CancelRefused', code: UserErrorCode, field?: Array<string> | null }
      | { __typename?: 'DeleteRefused', code: UserErrorCode, field?: Array<string> | null }
      | { __typename?: 'IdempotencyKeyReused', code: UserErrorCode, field?: Array<string> | null }
      | { __typename?: 'InvalidInput', code: UserErrorCode, field?: Array<string> | null }
      | { __typename?: 'JobDeleted', code: UserErrorCode, field?: Array<string> | null }
      | { __typename?: 'QuotaExhausted', code: UserErrorCode, field?: Array<string> | null }
    > } | null };

export type DeleteJobMutationVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type DeleteJobMutation = { __typename?: 'Mutation', deleteMotionJob?: { __typename?: 'DeleteMotionJobPayload', deletedId?: string | null, userErrors: Array<
      | { __typename: 'CancelRefused', code: UserErrorCode, message: string, field?: Array<string> | null }
      | { __typename: 'DeleteRefused', code: UserErrorCode, message: string, field?: Array<string> | null }
      | { __typename: 'IdempotencyKeyReused', code: UserErrorCode, message: string, field?: Array<string> | null }
      | { __typename: 'InvalidInput', code: UserErrorCode, message: string, field?: Array<string> | null }
      | { __typename: 'JobDeleted', code: UserErrorCode, message: string, field?: Array<string> | null }
      | { __typename: 'QuotaExhausted', code: UserErrorCode, message: string, field?: Array<string> | null }
    > } | null };

export type WatchJobSubscriptionVariables = Exact<{
  id: Scalars['ID']['input'];
  afterVersion?: InputMaybe<Scalars['Int']['input']>;
}>;


export type WatchJobSubscription = { __typename?: 'Subscription', jobUpdated: { __typename?: 'MotionJob', id: string, version: number, state: MotionJobState, taskId?: string | null, sandbox: boolean, settledBy?: SettledBy | null, video?: { __typename?: 'MotionVideo', id: string, url: string, durationSeconds?: number | null } | null, failure?: { __typename?: 'MotionFailure', code: MotionFailureCode, message: string, final: boolean, charge: ChargeStatus, upstreamCode?: string | null } | null } };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}
export const JobFieldsFragmentDoc = new TypedDocumentString(`
    fragment JobFields on MotionJob {
  id
  version
  state
  taskId
  sandbox
  settledBy
  video {
    id
    url
    durationSeconds
  }
  failure {
    code
    message
    final
    charge
    upstreamCode
  }
}
    `, {"fragmentName":"JobFields"}) as unknown as TypedDocumentString<JobFieldsFragment, unknown>;
export const GenerateMotionDocument = new TypedDocumentString(`
    mutation GenerateMotion($input: GenerateMotionInput!) {
  generateMotion(input: $input) {
    replayed
    job {
      ...JobFields
    }
    userErrors {
      __typename
      code
      message
      field
    }
  }
}
    fragment JobFields on MotionJob {
  id
  version
  state
  taskId
  sandbox
  settledBy
  video {
    id
    url
    durationSeconds
  }
  failure {
    code
    message
    final
    charge
    upstreamCode
  }
}`) as unknown as TypedDocumentString<GenerateMotionMutation, GenerateMotionMutationVariables>;
export const FindJobDocument = new TypedDocumentString(`
    query FindJob($id: ID!) {
  motionJob(id: $id) {
    ...JobFields
  }
}
    fragment JobFields on MotionJob {
  id
  version
  state
  taskId
  sandbox
  settledBy
  video {
    id
    url
    durationSeconds
  }
  failure {
    code
    message
    final
    charge
    upstreamCode
  }
}`) as unknown as TypedDocumentString<FindJobQuery, FindJobQueryVariables>;
export const CancelJobDocument = new TypedDocumentString(`
    mutation CancelJob($id: ID!) {
  cancelMotionJob(input: {id: $id}) {
    job {
      ...JobFields
    }
    userErrors {
      code
      field
    }
  }
}
    fragment JobFields on MotionJob {
  id
  version
  state
  taskId
  sandbox
  settledBy
  video {
    id
    url
    durationSeconds
  }
  failure {
    code
    message
    final
    charge
    upstreamCode
  }
}`) as unknown as TypedDocumentString<CancelJobMutation, CancelJobMutationVariables>;
export const DeleteJobDocument = new TypedDocumentString(`
    mutation DeleteJob($id: ID!) {
  deleteMotionJob(input: {id: $id}) {
    deletedId
    userErrors {
      __typename
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<DeleteJobMutation, DeleteJobMutationVariables>;
export const WatchJobDocument = new TypedDocumentString(`
    subscription WatchJob($id: ID!, $afterVersion: Int) {
  jobUpdated(id: $id, afterVersion: $afterVersion) {
    ...JobFields
  }
}
    fragment JobFields on MotionJob {
  id
  version
  state
  taskId
  sandbox
  settledBy
  video {
    id
    url
    durationSeconds
  }
  failure {
    code
    message
    final
    charge
    upstreamCode
  }
}`) as unknown as TypedDocumentString<WatchJobSubscription, WatchJobSubscriptionVariables>;
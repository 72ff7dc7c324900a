/* eslint-disable */
import * as types from './graphql.ts';



/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "\n  fragment JobFields on MotionJob {\n    id\n    version\n    state\n    taskId\n    sandbox\n    settledBy\n    video {\n      id\n      url\n      durationSeconds\n    }\n    failure {\n      code\n      message\n      final\n      charge\n      upstreamCode\n    }\n  }\n": typeof types.JobFieldsFragmentDoc,
    "\n  mutation GenerateMotion($input: GenerateMotionInput!) {\n    generateMotion(input: $input) {\n      replayed\n      job {\n        ...JobFields\n      }\n      userErrors {\n        __typename\n        code\n        message\n        field\n      }\n    }\n  }\n": typeof types.GenerateMotionDocument,
    "\n  query FindJob($id: ID!) {\n    motionJob(id: $id) {\n      ...JobFields\n    }\n  }\n": typeof types.FindJobDocument,
    "\n  mutation CancelJob($id: ID!) {\n    cancelMotionJob(input: { id: $id }) {\n      job {\n        ...JobFields\n      }\n      userErrors {\n        code\n        field\n      }\n    }\n  }\n": typeof types.CancelJobDocument,
    "\n  mutation DeleteJob($id: ID!) {\n    deleteMotionJob(input: { id: $id }) {\n      deletedId\n      userErrors {\n        __typename\n        code\n        message\n        field\n      }\n    }\n  }\n": typeof types.DeleteJobDocument,
    "\n  subscription WatchJob($id: ID!, $afterVersion: Int) {\n    jobUpdated(id: $id, afterVersion: $afterVersion) {\n      ...JobFields\n    }\n  }\n": typeof types.WatchJobDocument,
};
const documents: Documents = {
    "\n  fragment JobFields on MotionJob {\n    id\n    version\n    state\n    taskId\n    sandbox\n    settledBy\n    video {\n      id\n      url\n      durationSeconds\n    }\n    failure {\n      code\n      message\n      final\n      charge\n      upstreamCode\n    }\n  }\n": types.JobFieldsFragmentDoc,
    "\n  mutation GenerateMotion($input: GenerateMotionInput!) {\n    generateMotion(input: $input) {\n      replayed\n      job {\n        ...JobFields\n      }\n      userErrors {\n        __typename\n        code\n        message\n        field\n      }\n    }\n  }\n": types.GenerateMotionDocument,
    "\n  query FindJob($id: ID!) {\n    motionJob(id: $id) {\n      ...JobFields\n    }\n  }\n": types.FindJobDocument,
    "\n  mutation CancelJob($id: ID!) {\n    cancelMotionJob(input: { id: $id }) {\n      job {\n        ...JobFields\n      }\n      userErrors {\n        code\n        field\n      }\n    }\n  }\n": types.CancelJobDocument,
    "\n  mutation DeleteJob($id: ID!) {\n    deleteMotionJob(input: { id: $id }) {\n      deletedId\n      userErrors {\n        __typename\n        code\n        message\n        field\n      }\n    }\n  }\n": types.DeleteJobDocument,
    "\n  subscription WatchJob($id: ID!, $afterVersion: Int) {\n    jobUpdated(id: $id, afterVersion: $afterVersion) {\n      ...JobFields\n    }\n  }\n": types.WatchJobDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment JobFields on MotionJob {\n    id\n    version\n    state\n    taskId\n    sandbox\n    settledBy\n    video {\n      id\n      url\n      durationSeconds\n    }\n    failure {\n      code\n      message\n      final\n      charge\n      upstreamCode\n    }\n  }\n"): typeof import('./graphql.ts').JobFieldsFragmentDoc;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation GenerateMotion($input: GenerateMotionInput!) {\n    generateMotion(input: $input) {\n      replayed\n      job {\n        ...JobFields\n      }\n      userErrors {\n        __typename\n        code\n        message\n        field\n      }\n    }\n  }\n"): typeof import('./graphql.ts').GenerateMotionDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query FindJob($id: ID!) {\n    motionJob(id: $id) {\n      ...JobFields\n    }\n  }\n"): typeof import('./graphql.ts').FindJobDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation CancelJob($id: ID!) {\n    cancelMotionJob(input: { id: $id }) {\n      job {\n        ...JobFields\n      }\n      userErrors {\n        code\n        field\n      }\n    }\n  }\n"): typeof import('./graphql.ts').CancelJobDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation DeleteJob($id: ID!) {\n    deleteMotionJob(input: { id: $id }) {\n      deletedId\n      userErrors {\n        __typename\n        code\n        message\n        field\n      }\n    }\n  }\n"): typeof import('./graphql.ts').DeleteJobDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription WatchJob($id: ID!, $afterVersion: Int) {\n    jobUpdated(id: $id, afterVersion: $afterVersion) {\n      ...JobFields\n    }\n  }\n"): typeof import('./graphql.ts').WatchJobDocument;


export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}

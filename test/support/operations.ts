/** The operations of the test client. */
import { graphql } from './generated/gql.ts';

graphql(`
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
`);

export const GenerateMotion = graphql(`
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
`);

export const FindJob = graphql(`
  query FindJob($id: ID!) {
    motionJob(id: $id) {
      ...JobFields
    }
  }
`);

export const CancelJob = graphql(`
  mutation CancelJob($id: ID!) {
    cancelMotionJob(input: { id: $id }) {
      job {
        ...JobFields
      }
      userErrors {
        code
        field
      }
    }
  }
`);

export const DeleteJob = graphql(`
  mutation DeleteJob($id: ID!) {
    deleteMotionJob(input: { id: $id }) {
      deletedId
      userErrors {
        __typename
        code
        message
        field
      }
    }
  }
`);

export const WatchJob = graphql(`
  subscription WatchJob($id: ID!, $afterVersion: Int) {
    jobUpdated(id: $id, afterVersion: $afterVersion) {
      ...JobFields
    }
  }
`);

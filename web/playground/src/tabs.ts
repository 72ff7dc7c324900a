import { LAST_JOB } from './last-job.ts';

interface Tab {
  readonly query: string;
  readonly variables?: string;
}

/** The tabs of a first visit. The names of the operations are their titles. */
export function prepareTabs(sandbox: boolean): Tab[] {
  const variables = JSON.stringify({ id: LAST_JOB }, null, 2);
  return [{ query: submit(sandbox) }, { query, variables }, { query: watch, variables }];
}

// The input stands in the document itself: GraphiQL shows no prepared variables in the tab it opens first.
const submit = (sandbox: boolean): string => `# Submits a job. Each run is a new job,
# ${sandbox ? 'a free sample here' : 'and EACH IS PAID'}; with an idempotencyKey
# a repeated run answers the same job.
mutation Submit {
  generateMotion(
    input: {
      imageUrl: "https://sourceyoya.wenge.com/2025/06/03/683e9f76e4b0684509ab1aca.jpg"
      videoUrl: "https://cdn.acedata.cloud/odwfm5.mp4"
      prompt: "Make the picture come alive"
      mode: STD
      characterOrientation: IMAGE
    }
  ) {
    job {
      id
      state
      version
    }
    replayed
    userErrors {
      code
      message
      field
    }
  }
}
`;

const lastJobComment = `# "${LAST_JOB}" in the variables stands for the
# job you submitted last from this page; any
# job id can be written in its place.`;

const query = `# Reads a job as it is now.
${lastJobComment}
query Query($id: ID!) {
  motionJob(id: $id) {
    id
    version
    state
    video {
      url
      durationSeconds
    }
    failure {
      code
      message
      worthRetrying
      charge
      final
    }
    createdAt
    completedAt
  }
}
`;

const watch = `# Follows a job: its state now, then every
# newer one, until the end.
${lastJobComment}
subscription Watch($id: ID!) {
  jobUpdated(id: $id) {
    id
    version
    state
    isTerminal
    video {
      url
      durationSeconds
    }
    failure {
      code
      message
    }
    updatedAt
  }
}
`;

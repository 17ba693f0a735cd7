// What a Relay app asks for: connections that are gone through and refetched, and objects by their ids.
import { graphql } from 'relay-runtime';

export const jobRow = graphql`
  fragment operations_job on Job {
    id
    status
    progress {
      fraction
    }
    counts {
      read
      rejected
    }
  }
`;

export const jobList = graphql`
  fragment operations_jobs on Query
  @argumentDefinitions(
    count: { type: "Int", defaultValue: 2 }
    cursor: { type: "String" }
    filter: { type: "JobFilter" }
  )
  @refetchable(queryName: "operationsJobsPageQuery") {
    jobs(first: $count, after: $cursor, filter: $filter) @connection(key: "operations_jobs", filters: ["filter"]) {
      edges {
        node {
          id
          ...operations_job
        }
      }
    }
  }
`;

export const jobErrors = graphql`
  fragment operations_errors on Job
  @argumentDefinitions(count: { type: "Int", defaultValue: 10 }, cursor: { type: "String" })
  @refetchable(queryName: "operationsErrorsPageQuery") {
    errors(first: $count, after: $cursor) @connection(key: "operations_errors") {
      edges {
        node {
          id
          row
          message
        }
      }
    }
  }
`;

export const jobsQuery = graphql`
  query operationsJobsQuery($filter: JobFilter) {
    ...operations_jobs @arguments(filter: $filter)
  }
`;

export const nodeQuery = graphql`
  query operationsNodeQuery($id: ID!) {
    node(id: $id) {
      ...operations_job @alias
      ...operations_errors @alias
    }
  }
`;

export const ingest = graphql`
  mutation operationsIngestMutation($input: IngestInput!, $connections: [ID!]!) {
    ingest(input: $input) {
      job @prependNode(connections: $connections, edgeTypeName: "JobEdge") {
        ...operations_job
      }
      errors {
        code
        message
        path
      }
    }
  }
`;

export const watch = graphql`
  subscription operationsWatchSubscription($job: ID!) {
    jobProgress(jobId: $job) {
      cursor
      job {
        ...operations_job
      }
    }
  }
`;

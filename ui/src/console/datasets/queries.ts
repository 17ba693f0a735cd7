/** What the pages of datasets ask the API. */

import { type ResultOf, graphql } from "../../graph";

export const DatasetQuery = graphql(`
  query Dataset($name: String!, $version: BigInt) {
    dataset(name: $name, version: $version) {
      id
      name
      description
      version
      rowCount
      byteSize
      createdAt
      updatedAt
      columns { name type nativeType nullable description }
    }
  }
`);

export type Dataset = NonNullable<ResultOf<typeof DatasetQuery>["dataset"]>;
export type Column = Dataset["columns"][number];
/** A dataset that has rows to show, at one of its versions. */
export type Shown = Dataset & { version: number };

export const RowsQuery = graphql(`
  query Rows(
    $name: String!
    $version: BigInt!
    $filter: RowFilter
    $orderBy: [RowOrder!]
    $columns: [String!]
    $first: Int!
    $after: String
  ) {
    dataset(name: $name, version: $version) {
      id
      version
      rows(filter: $filter, orderBy: $orderBy, columns: $columns, first: $first, after: $after) {
        columns { name type }
        records
        hasNextPage
        endCursor
        totalCount
      }
    }
  }
`);

export type RowPage = NonNullable<ResultOf<typeof RowsQuery>["dataset"]>["rows"];

export const StatisticsQuery = graphql(`
  query Statistics($name: String!, $version: BigInt!, $columns: [String!]!) {
    dataset(name: $name, version: $version) {
      id
      version
      statistics(columns: $columns) {
        column { name type nativeType description }
        count
        nulls
        distinct
        min
        max
        mean
        standardDeviation
        histogram { from to count }
        topValues { value count }
      }
    }
  }
`);

export type Statistics = NonNullable<ResultOf<typeof StatisticsQuery>["dataset"]>["statistics"][number];

export const CorrelationsQuery = graphql(`
  query Correlations($name: String!, $version: BigInt!, $columns: [String!]!) {
    dataset(name: $name, version: $version) {
      id
      version
      correlations(columns: $columns) { x y pearson }
    }
  }
`);

export const VersionsQuery = graphql(`
  query Versions($name: String!, $after: String) {
    dataset(name: $name) {
      id
      version
      versions(first: 20, after: $after) {
        edges {
          node {
            version
            mode
            rowsAdded
            rowsRemoved
            createdAt
            job { id kind createdBy { id name } }
          }
        }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`);

export type Version = NonNullable<ResultOf<typeof VersionsQuery>["dataset"]>["versions"]["edges"][number]["node"];

export const Restore = graphql(`
  mutation Restore($name: String!, $version: BigInt!) {
    restoreDataset(name: $name, version: $version) {
      dataset { id version }
      errors { code message }
    }
  }
`);

export const DeleteDataset = graphql(`
  mutation DeleteDataset($name: String!) {
    deleteDataset(name: $name) {
      deletedId
      errors { code message }
    }
  }
`);

export const DownloadQuery = graphql(`
  query Download($name: String!, $version: BigInt!, $format: FileFormat!, $filter: RowFilter, $columns: [String!]) {
    dataset(name: $name, version: $version) {
      id
      version
      downloadUrl(format: $format, filter: $filter, columns: $columns)
    }
  }
`);

export const DatasetChanged = graphql(`
  subscription DatasetChanged($name: String!) {
    datasetChanged(name: $name) { version }
  }
`);

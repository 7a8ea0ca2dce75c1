// One request as the fake heard it.
export interface RecordedCall {
  method: string
  path: string
  query: URLSearchParams
  body: unknown
}

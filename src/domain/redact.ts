// Takes secrets out of anything that is about to be written down: by the name of the field, and by the look of the text.

const SECRET_NAME =
  /^(.*_)?(password|passphrase|secret|secretaccesskey|accesskeyid|secret_access_key|access_key_id|identity|token|authorization|pgpassword|privatekey)$/i
const CENSORED = '[redacted]'

/** The text without age identities, passwords in URLs and `password=…` of connection strings. */
export function redactText(text: string): string {
  return text
    .replace(/AGE-SECRET-KEY-[A-Z0-9-]+/gi, CENSORED)
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s@/]+@/gi, `$1:${CENSORED}@`)
    .replace(/\b((?:pg)?password|secret)(\s*[=:]\s*)('[^']*'|"[^"]*"|[^\s'"&;]+)/gi, `$1$2${CENSORED}`)
}

/** A deep copy of plain data without secrets. */
export function redact<T>(value: T): T {
  return clean(value, 0) as T
}

function clean(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth > 20) return CENSORED
  if (Array.isArray(value)) return value.map(one => clean(one, depth + 1))
  if (value instanceof Date) return value.toISOString()
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const secret = SECRET_NAME.test(key) && inner !== null && inner !== undefined
      return [key, secret ? CENSORED : clean(inner, depth + 1)]
    }),
  )
}

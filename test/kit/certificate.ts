// A certificate that nobody signed but itself, for servers that speak TLS.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** Good for two days. @param names as openssl wants them: `DNS:localhost,IP:127.0.0.1`. @param prefix of the files' names. */
export function selfSigned(
  folder: string,
  names: string,
  prefix = '',
): { keyFile: string; certificateFile: string } {
  const keyFile = join(folder, `${prefix}key.pem`)
  const certificateFile = join(folder, `${prefix}certificate.pem`)
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const subject = ['-subj', '/CN=test', '-addext', `subjectAltName=${names}`]
  const files = ['-keyout', keyFile, '-out', certificateFile]
  execFileSync('openssl', ['req', '-x509', ...kind, ...subject, ...files], { stdio: 'ignore' })
  return { keyFile, certificateFile }
}

// Installs the few Debian packages that the harness needs, only those that are missing and only as root.
import { accessSync, constants, existsSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'

/** Package name to the file (in an include folder) or program whose presence shows that it is there. */
export type PackageProofs = Readonly<Record<string, string>>

const programFolders = ['/usr/local/bin', '/usr/bin', '/bin', '/usr/local/sbin', '/usr/sbin', '/sbin']

export function missingPackages(proofs: PackageProofs): string[] {
  return Object.entries(proofs)
    .filter(([, proof]) => !isThere(proof))
    .map(([name]) => name)
}

const isThere = (proof: string) =>
  /\.h(pp)?$/.test(proof)
    ? existsSync(join('/usr/include', proof))
    : programFolders.some(at => isProgram(join(at, proof)))

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export async function requirePackages(names: readonly string[], say: (line: string) => void): Promise<void> {
  if (names.length === 0) return
  const command = `apt-get install -y ${names.join(' ')}`
  if (process.getuid?.() !== 0 || !isThere('apt-get')) {
    throw new Error(
      `These packages are missing: ${names.join(', ')}. Install them, on Debian with: ${command}`,
    )
  }
  say(`installing ${names.join(', ')}`)
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  await execa('apt-get', ['update', '-qq'], { env })
  await execa('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names], { env })
}

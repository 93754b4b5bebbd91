// Writes what is generated from the zod schemas: crds/, the chart's CRD templates and the field tables of docs/spec/.
// `npm run crds -- --against DIR` also refuses changes that break the CRDs in DIR.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse, stringify } from 'yaml'
import { toCrd, toObjectSchema } from '../src/domain/crd.ts'
import { findBreaks } from '../src/domain/crd-compatibility.ts'
import type { Structural } from '../src/domain/crd-schema.ts'
import { kinds } from '../src/domain/kinds.ts'
import type { Kind } from '../src/domain/object.ts'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const kindNames = Object.keys(kinds) as Kind[]
const notice = '# Generated from src/domain by `npm run crds`; do not edit.\n'

export const toYaml = (value: unknown): string => stringify(value, { sortMapEntries: true, lineWidth: 0 })

/** The CRD as a Helm template: only with crds.install, kept when the release goes. */
const toTemplate = (kind: Kind): string => {
  const yaml = toYaml(toCrd(kind))
  if (yaml.includes('{{')) throw new Error(`${kind}: a template must not contain {{`)
  const annotated = yaml.replace(
    '\nmetadata:\n',
    '\nmetadata:\n  annotations:\n    helm.sh/resource-policy: keep\n  labels:\n    {{- include "switchyard.labels" . | nindent 4 }}\n',
  )
  return `{{- if .Values.crds.install }}\n${notice}${annotated}{{- end }}\n`
}

interface Row {
  readonly field: string
  readonly type: string
  readonly standard: string
  readonly text: string
}

const typeOf = (schema: Structural): string => {
  if (schema.items) return `list of ${typeOf(schema.items)}`
  if (schema.additionalProperties) return 'map'
  return schema.enum ? schema.enum.map(value => `\`${value}\``).join(', ') : (schema.format ?? schema.type)
}

const toRows = (schema: Structural, prefix: string): Row[] =>
  Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const isRequired = schema.required?.includes(name)
    const standard = child.default === undefined ? '' : `\`${JSON.stringify(child.default)}\``
    const field = `${prefix}${name}`
    const row = {
      field,
      type: typeOf(child),
      standard: isRequired ? 'required' : standard,
      text: child.description ?? '',
    }
    return [row, ...toRows(child, `${field}.`), ...(child.items ? toRows(child.items, `${field}[].`) : [])]
  })

const inCell = (text: string): string => text.replaceAll('|', '\\|')

export const toTable = (schema: Structural): string =>
  [
    '| Field | Type | Default | |',
    '|---|---|---|---|',
    ...toRows(schema, '').map(
      row => `| \`${row.field}\` | ${row.type} | ${row.standard} | ${inCell(row.text)} |`,
    ),
  ].join('\n')

const marked = /<!-- fields: (spec|status) -->[\s\S]*?<!-- end of fields -->/g

/** Fills the tables between the markers of a page. */
const fillPage = (kind: Kind, page: string): string => {
  const schema = toObjectSchema(kind)
  return page.replace(marked, (_, part: 'spec' | 'status') => {
    const table = toTable(schema.properties?.[part] as Structural)
    return `<!-- fields: ${part} -->\n${table}\n<!-- end of fields -->`
  })
}

/** Path below the repository's root → the text that must stand there. */
export const renderAll = (): ReadonlyMap<string, string> =>
  new Map(
    kindNames.flatMap(kind => {
      const { plural } = kinds[kind]
      const page = `docs/spec/${kind.toLowerCase()}.md`
      return [
        [`crds/${plural}.yaml`, notice + toYaml(toCrd(kind))],
        [`charts/switchyard/templates/crd-${plural}.yaml`, toTemplate(kind)],
        [page, fillPage(kind, readFileSync(join(root, page), 'utf8'))],
      ] as const
    }),
  )

const schemaOf = (file: string): Structural =>
  parse(readFileSync(file, 'utf8')).spec.versions[0].schema.openAPIV3Schema

/** Breaking changes against the CRDs of a folder, for example those of the last release. */
export const findBreaksAgainst = (folder: string): string[] =>
  kindNames.flatMap(kind => {
    const file = join(folder, `${kinds[kind].plural}.yaml`)
    const breaks = existsSync(file)
      ? findBreaks(schemaOf(file), toObjectSchema(kind))
      : [`${file} is not there`]
    return breaks.map(found => `${kind} ${found}`)
  })

const main = (args: readonly string[]): void => {
  const against = args[args.indexOf('--against') + 1]
  const breaks = args.includes('--against') && against ? findBreaksAgainst(against) : []
  if (breaks.length > 0) {
    console.error(`These changes break objects or clients of the version before:\n${breaks.join('\n')}`)
    process.exitCode = 1
    return
  }
  for (const [path, text] of renderAll()) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
    console.log(path)
  }
}

if (import.meta.main) main(process.argv.slice(2))

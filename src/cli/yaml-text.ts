// Data as YAML, apart from the printer: what writes it is loaded only for -o yaml.
import { stringify } from 'yaml'

export const toYaml = (value: unknown): string => stringify(value)

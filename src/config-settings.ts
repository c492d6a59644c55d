// The table of config.ts as people see it: what each setting is called as a flag, as a variable and in the file, its default and description.

import { type Config, SCHEMA } from './config.ts';

export interface Setting {
  /** In camel case, as in Config and in the configuration file. */
  readonly name: keyof Config;
  /** `--drivers-max`. */
  readonly flag: string;
  /** `RAZIEL_DRIVERS_MAX`. */
  readonly variable: string;
  readonly description: string;
  readonly default: unknown;
  /** True for a flag that needs no value. */
  readonly isSwitch: boolean;
  /** True for a file or directory: a relative one in the configuration file is looked for beside that file. */
  readonly isPath: boolean;
  /** True for a number that is text in the configuration file too: `512MiB`, a date. */
  readonly isWritten: boolean;
  /** True for what is never shown or logged. */
  readonly isSecret: boolean;
}

/** What `.meta()` says of a setting beside its description. */
interface SettingMeta {
  readonly description?: string;
  readonly isPath?: boolean;
  readonly isWritten?: boolean;
  readonly isSecret?: boolean;
}

/** Every setting, for the command line and the documentation. */
export const SETTINGS: readonly Setting[] = Object.entries(SCHEMA.shape).map(([name, schema]) => {
  const {
    description = '',
    isPath = false,
    isWritten = false,
    isSecret = false,
  } = (schema.meta() ?? {}) as SettingMeta;
  const value: unknown = schema.parse(undefined);
  return {
    name: name as keyof Config,
    flag: `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    variable: `RAZIEL_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`,
    description,
    default: value,
    isSwitch: typeof value === 'boolean',
    isPath,
    isWritten,
    isSecret,
  };
});

/** Design tokens, measured by Copy That 7 */
export const theme = {
  color: {},
  spacing: {},
  typography: {},
  shadow: {},
  gradient: {},
  radius: {},
} as const;

export type Theme = typeof theme;
export type TokenType = keyof Theme;
export type TokenName<T extends TokenType> = keyof Theme[T];

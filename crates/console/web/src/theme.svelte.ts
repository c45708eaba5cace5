// Day or night: as the system has it until a person chooses, then remembered.

const KEY = "tieline-theme";

class Theme {
  night = $state(read());

  apply(): void {
    document.documentElement.dataset["theme"] = this.night ? "night" : "day";
  }

  toggle(): void {
    this.night = !this.night;
    localStorage.setItem(KEY, this.night ? "night" : "day");
    this.apply();
  }
}

function read(): boolean {
  const chosen = localStorage.getItem(KEY);
  return chosen ? chosen === "night" : matchMedia("(prefers-color-scheme: dark)").matches;
}

export const theme = new Theme();

mod corpus;
mod hostile;
mod mail;
mod windows;

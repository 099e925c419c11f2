/* The floor of the benchmarks: the least that a program can do which records, supervises and ends a task.
 *
 * It has no options, checks little, and knows one layout: a record of about a kilobyte in a folder, a lock held by the
 * supervisor as long as the task runs. With SYNC=1 in its environment it syncs what task-bg promises to be durable:
 * the record and its folder, once when the task was launched, once when it ended.
 *
 *   floor launch DIR ID CMD ARG...   records, detaches, starts; returns once the command runs and is recorded
 *   floor status DIR ID              prints the record
 *   floor list DIR                   reads every record and prints the names
 *   floor wait DIR ID                blocks until the lock of the task is free
 *   floor end FIFO FILE              waits for a byte on FIFO, writes the time into FILE, ends
 *   floor hook FILE [DIR ID]         reads standard input and the last 64 KiB of FILE; records an end
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int syncs;

static void die(const char *what) { perror(what); _exit(1); }

/* Writes a record of about a kilobyte beside its name and renames it. */
static void record(const char *dir, const char *id, const char *state, int durable) {
    char temp[4096], path[4096], text[2048];
    snprintf(temp, sizeof temp, "%s/.%d.tmp", dir, getpid());
    snprintf(path, sizeof path, "%s/%s.json", dir, id);
    int length = snprintf(text, sizeof text, "{\"id\":\"%s\",\"status\":\"%s\",\"pad\":\"%0900d\"}\n", id, state, 0);
    int file = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0 || write(file, text, length) != length) die(temp);
    if (durable && syncs && fsync(file)) die("fsync");
    close(file);
    if (rename(temp, path)) die(path);
    if (durable && syncs) {
        int folder = open(dir, O_RDONLY | O_CLOEXEC);
        if (folder < 0 || fsync(folder)) die(dir);
        close(folder);
    }
}

static int lock_of(const char *dir, const char *id, int flags) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.lock", dir, id);
    return open(path, flags | O_CLOEXEC, 0600);
}

static int launch(const char *dir, const char *id, char **command) {
    char path[4096];
    int ready[2];
    int lock = lock_of(dir, id, O_RDWR | O_CREAT);
    if (lock < 0 || flock(lock, LOCK_EX)) die("lock");
    if (pipe2(ready, O_CLOEXEC)) die("pipe");
    if (fork()) {
        char byte;
        close(ready[1]);
        if (read(ready[0], &byte, 1) != 1) die("supervisor");
        puts(id);
        return 0;
    }
    setsid();
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    snprintf(path, sizeof path, "%s/%s.out", dir, id);
    int output = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid_t child = vfork();
    if (child == 0) {
        dup2(output, 1);
        dup2(output, 2);
        execvp(command[0], command);
        _exit(127);
    }
    record(dir, id, "running", 1);
    if (write(ready[1], "x", 1) != 1) _exit(1);
    close(ready[1]);
    int status;
    waitpid(child, &status, 0);
    record(dir, id, WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "completed" : "error", 1);
    _exit(0);
}

static int status(const char *dir, const char *id) {
    char path[4096], text[65536];
    snprintf(path, sizeof path, "%s/%s.json", dir, id);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, text, sizeof text);
    if (length < 0 || write(1, text, length) != length) die(path);
    return 0;
}

static int list(const char *dir) {
    DIR *folder = opendir(dir);
    if (!folder) die(dir);
    static char text[65536];
    struct dirent *entry;
    while ((entry = readdir(folder))) {
        size_t length = strlen(entry->d_name);
        if (length < 6 || strcmp(entry->d_name + length - 5, ".json")) continue;
        int file = openat(dirfd(folder), entry->d_name, O_RDONLY | O_CLOEXEC);
        if (file < 0) continue;
        if (read(file, text, sizeof text) > 0) puts(entry->d_name);
        close(file);
    }
    return 0;
}

static int hook(const char *path, const char *dir, const char *id) {
    static char text[65536];
    while (read(0, text, sizeof text) > 0) {}
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat seen;
    if (file < 0 || fstat(file, &seen)) return 0;
    off_t from = seen.st_size > (off_t)sizeof text ? seen.st_size - (off_t)sizeof text : 0;
    if (pread(file, text, sizeof text, from) < 0) return 1;
    if (dir) record(dir, id, "completed", 1);
    return 0;
}

static int end(const char *fifo, const char *path) {
    char byte, text[64];
    int file = open(fifo, O_RDONLY);
    if (file < 0) die(fifo);
    if (read(file, &byte, 1) < 0) die(fifo);
    int output = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int length = snprintf(text, sizeof text, "%lld%09ld", (long long)now.tv_sec, now.tv_nsec);
    return write(output, text, length) != length;
}

int main(int count, char **words) {
    const char *wanted = getenv("SYNC");
    syncs = wanted && *wanted == '1';
    if (count >= 5 && !strcmp(words[1], "launch")) return launch(words[2], words[3], words + 4);
    if (count == 4 && !strcmp(words[1], "status")) return status(words[2], words[3]);
    if (count == 3 && !strcmp(words[1], "list")) return list(words[2]);
    if (count == 4 && !strcmp(words[1], "wait")) {
        int lock = lock_of(words[2], words[3], O_RDONLY);
        return lock < 0 || flock(lock, LOCK_SH);
    }
    if (count == 4 && !strcmp(words[1], "end")) return end(words[2], words[3]);
    if (count == 3 && !strcmp(words[1], "hook")) return hook(words[2], NULL, NULL);
    if (count == 5 && !strcmp(words[1], "hook")) return hook(words[2], words[3], words[4]);
    return 2;
}
